"""Predictions: find the model, answer or recall, and note who asked, how long, and how it grew."""

from collections.abc import Iterable, Sequence

from cache.residency import Residency
from models.answering import Answered, Answering
from models.background import Background
from models.catalogue import ModelRef
from models.clock import SystemClock
from models.config import ServingConfig
from models.deadline import Deadlines
from models.directory import Directory
from models.errors import ModelNotFound, ModelNotRegistered
from models.figures import Figures
from models.journal import AccessJournal
from models.loader import LiveModel
from models.recalling import Recalled, Recalling, computed
from models.usage import Origin
from models.versions import Versions, version_of
from models.views.prediction import Prediction


class Predicting:
    """`name` None means the default model."""

    def __init__(
        self,
        config: ServingConfig,
        directory: Directory,
        residency: Residency[LiveModel],
        versions: Versions,
        answering: Answering,
        figures: Figures,
        journal: AccessJournal,
        recalling: Recalling,
        background: Background,
        deadlines: Deadlines,
        clock: SystemClock,
    ) -> None:
        self._config = config
        self._directory = directory
        self._residency = residency
        self._versions = versions
        self._answering = answering
        self._figures = figures
        self._journal = journal
        self._recalling = recalling
        self._background = background
        self._deadlines = deadlines
        self._clock = clock

    async def predict(
        self, text: str, name: str | None, keep_alive: float | None, *, cache: bool = True
    ) -> Prediction:
        [prediction] = await self.predict_batch((text,), name, keep_alive, cache=cache)
        return prediction

    async def predict_batch(
        self,
        texts: Sequence[str],
        name: str | None,
        keep_alive: float | None,
        *,
        cache: bool = True,
    ) -> list[Prediction]:
        started = self._clock.monotonic()
        with self._deadlines.deadline():
            ref, key = self._at_hand(name) or await self._found(name)
            self._figures.on_request(key, started, len(texts))
            self._journal.record(ref.name, started)
            if cache and self._recalling.enabled:
                answers = await self._recall(ref, key, texts, keep_alive, started)
            else:
                answers = map(computed, await self._compute(ref, texts, keep_alive))
        return [
            self._prediction(ref, text, answer, started)
            for text, answer in zip(texts, answers, strict=True)
        ]

    def _at_hand(self, name: str | None) -> tuple[ModelRef, str] | None:
        return self._versions.at_hand(self._named(name))

    async def _found(self, name: str | None) -> tuple[ModelRef, str]:
        """What a request names, and its key; by a listing of the store if need be."""
        await self._directory.listed()
        named = self._named(name)
        try:
            return await self._versions.found(named)
        except (ModelNotFound, ModelNotRegistered):
            self._recalling.forget(named)
            raise

    def _named(self, name: str | None) -> str:
        return self._directory.default_name(self._config) if name is None else name

    async def _recall(
        self,
        ref: ModelRef,
        key: str,
        texts: Sequence[str],
        keep_alive: float | None,
        started: float,
    ) -> Iterable[Recalled]:
        """From the cache what is there; to give a keep-alive is a use of what is resident."""
        lookup = self._recalling.look_up(ref, key, texts, started)
        if lookup.wanted:
            await self._recalling.complete(
                lookup, keep_alive, lambda rest: self._compute(ref, rest, keep_alive)
            )
        if keep_alive is not None and lookup.cost_nothing:
            self._residency.keep(key, keep_alive)
        return lookup.answers()

    async def _compute(
        self, ref: ModelRef, texts: Sequence[str], keep_alive: float | None
    ) -> Sequence[Answered]:
        if len(texts) == 1:
            one = await self._answering.answer_one(str(ref), texts[0], keep_alive=keep_alive)
            answers = [one]
        else:
            answers = await self._answering.answer(str(ref), texts, keep_alive=keep_alive)
        self._follow_growth(answers)
        return answers

    def _follow_growth(self, answers: Sequence[Answered]) -> None:
        """Measure again when one of these texts is the longest since the load."""
        usage = self._figures.usage
        grown = {each.key for each in answers if usage[each.key].reads_longer(each.row.tokens)}
        for key in grown:
            self._background.attempt(self._residency.measure(key))

    def _prediction(self, ref: ModelRef, text: str, answer: Recalled, started: float) -> Prediction:
        seconds = self._clock.monotonic() - started
        self._figures.on_answer(answer, seconds)
        row = answer.verdict.row
        probabilities = dict(zip(answer.verdict.labels, row.probabilities, strict=True))
        label = max(probabilities, key=probabilities.__getitem__)
        return Prediction(
            text=text,
            label=label,
            confidence=probabilities[label],
            probabilities=probabilities,
            model_used=str(ref),
            cache_hit=answer.hit,
            truncated=row.truncated,
            processing_seconds=seconds,
            cached=answer.origin is Origin.CACHED,
            windows=row.windows,
            version=version_of(answer.key),
        )
