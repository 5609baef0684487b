"""Predictions: find the model, answer, and note who asked, how long it took, and how it grew."""

from collections.abc import Sequence

from cache.residency import Residency
from models.answering import Answered, Answering
from models.background import Background
from models.catalogue import ModelRef
from models.clock import SystemClock
from models.config import ServingConfig
from models.deadline import deadline
from models.directory import Directory
from models.figures import Figures
from models.journal import AccessJournal
from models.loader import LiveModel
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
        self._background = background
        self._clock = clock

    async def predict(self, text: str, name: str | None, keep_alive: float | None) -> Prediction:
        started = self._clock.monotonic()
        async with deadline(self._config.request_timeout):
            ref = await self._asked(name, started, texts=1)
            answered = await self._answering.answer_one(str(ref), text, keep_alive=keep_alive)
        self._follow_growth(answered)
        return self._prediction(ref, text, answered, started)

    async def predict_batch(
        self, texts: Sequence[str], name: str | None, keep_alive: float | None
    ) -> list[Prediction]:
        started = self._clock.monotonic()
        async with deadline(self._config.request_timeout):
            ref = await self._asked(name, started, texts=len(texts))
            answers = await self._answering.answer(str(ref), texts, keep_alive=keep_alive)
        self._follow_growth(*answers)
        return [
            self._prediction(ref, text, answered, started)
            for text, answered in zip(texts, answers, strict=True)
        ]

    async def _asked(self, name: str | None, now: float, *, texts: int) -> ModelRef:
        """What a request names, noted as asked for."""
        if name is None:
            await self._directory.listed()
            name = self._directory.default_name(self._config)
        ref, key = await self._versions.found(name)
        self._figures.on_request(key, now, texts)
        self._journal.record(ref.name, now)
        return ref

    def _follow_growth(self, *answers: Answered) -> None:
        """Measure again when one of these texts is the longest since the load."""
        for key in {answered.key for answered in answers}:
            longest = max(answered.row.tokens for answered in answers if answered.key == key)
            if self._figures.usage[key].reads_longer(longest):
                self._background.attempt(self._residency.measure(key))

    def _prediction(
        self, ref: ModelRef, text: str, answered: Answered, started: float
    ) -> Prediction:
        seconds = self._clock.monotonic() - started
        self._figures.on_answer(answered.key, answered, seconds)
        probabilities = dict(
            zip(answered.live.stored.labels, answered.row.probabilities, strict=True)
        )
        label = max(probabilities, key=probabilities.__getitem__)
        return Prediction(
            text=text,
            label=label,
            confidence=probabilities[label],
            probabilities=probabilities,
            model_used=str(ref),
            cache_hit=answered.hit,
            truncated=answered.row.truncated,
            processing_seconds=seconds,
        )
