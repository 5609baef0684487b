"""Predictions: find the model, answer or recall, and note who asked, how long, and how it grew."""

from collections.abc import Sequence

from cache.residency import Residency
from models.answering import Answered, Answering
from models.background import Background
from models.catalogue import ModelRef
from models.clock import SystemClock
from models.config import ServingConfig
from models.deadline import deadline
from models.directory import Directory
from models.errors import ModelNotFound, ModelNotRegistered
from models.figures import Figures
from models.journal import AccessJournal
from models.loader import LiveModel
from models.recalling import Recalled, Recalling, computed
from models.usage import Origin
from models.versions import Versions
from models.views import Prediction


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
        async with deadline(self._config.request_timeout):
            ref, key = await self._asked(name, started, texts=len(texts))
            if cache and self._recalling.enabled:
                answers = await self._recalled(ref, key, texts, keep_alive, started)
            else:
                answers = [computed(a) for a in await self._compute(ref, texts, keep_alive)]
        return [
            self._prediction(ref, text, answer, started)
            for text, answer in zip(texts, answers, strict=True)
        ]

    async def _asked(self, name: str | None, now: float, *, texts: int) -> tuple[ModelRef, str]:
        """What a request names, and its key; noted as asked for."""
        if name is None:
            await self._directory.listed()
            name = self._directory.default_name(self._config)
        try:
            ref, key = await self._versions.found(name)
        except (ModelNotFound, ModelNotRegistered):
            self._recalling.forget(name)
            raise
        self._figures.on_request(key, now, texts)
        self._journal.record(ref.name, now)
        return ref, key

    async def _recalled(
        self,
        ref: ModelRef,
        key: str,
        texts: Sequence[str],
        keep_alive: float | None,
        now: float,
    ) -> list[Recalled]:
        """From the cache what is there. A `keep_alive` makes that a use of what is resident."""
        self._recalling.follow(ref, key)
        answers = await self._recalling.answers(
            key, texts, keep_alive, now, lambda rest: self._compute(ref, rest, keep_alive)
        )
        if keep_alive is not None and all(a.origin is Origin.CACHED for a in answers):
            self._residency.keep(key, keep_alive)
        return answers

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
        for key in {answered.key for answered in answers}:
            longest = max(answered.row.tokens for answered in answers if answered.key == key)
            if self._figures.usage[key].reads_longer(longest):
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
        )
