"""Asks all models about a text at once; at the start, until each has answered."""

import asyncio
import logging
from dataclasses import dataclass

from examples.model_api.deciding import Fault, Unchecked, Verdict, decide, fault_of, risk_of
from examples.model_api.model_cache import ModelCache, ModelCacheError, Prediction
from examples.model_api.settings import Settings

SAMPLE = "What is the capital of France?"
PAUSE = 0.5
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checker:
    """The use cases of this service; knows no HTTP."""

    cache: ModelCache
    settings: Settings

    async def check(self, text: str, request_id: str) -> Verdict:
        """Decide on a text. Raises Unchecked."""
        names = self.settings.models
        answers = await asyncio.gather(*(self._ask(name, text, request_id) for name in names))
        return decide(dict(zip(names, answers, strict=True)), self.settings)

    async def prepare(self) -> None:
        """Wait for the model cache, then warm the models up, one after the other.

        What only an operator can mend ends the start. A model cache that is away does not: until
        it is there, texts are decided on as `fail` says.
        """
        try:
            async with asyncio.timeout(self.settings.start_timeout):
                while not await self.cache.ready():  # noqa: ASYNC110 - it is another process
                    await asyncio.sleep(PAUSE)
                for name in self.settings.models:
                    await self._warm_up(name)
        except TimeoutError:
            logger.warning("The model cache was not ready in time; starting without it")

    async def _ask(self, name: str, text: str, request_id: str) -> Prediction | ModelCacheError:
        try:
            return await self.cache.predict(
                name, text, deadline=self.settings.deadline, request_id=request_id
            )
        except ModelCacheError as error:
            return error

    async def _warm_up(self, name: str) -> None:
        """By a prediction: the predict token is enough for it. One from the cache would not do."""
        while True:
            try:
                said = await self.cache.predict(name, SAMPLE, cache=False)
                risk_of(said, self.settings.safe_label)
                return
            except ModelCacheError as error:
                if fault_of(error) in (Fault.OPERATOR, Fault.TEXT):
                    raise Unchecked(error) from error
                logger.warning("%s does not answer yet: %s %s", name, error.code, error)
            await asyncio.sleep(PAUSE)
