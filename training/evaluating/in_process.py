"""Answers of a model in the model store, run here as the service runs it: each text alone."""

import asyncio
import importlib.util
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from models.catalogue import load_catalogue, parse_ref
from models.clock import SystemClock
from models.config import ServingConfig, cores
from models.directory import Directory
from models.engines import Row
from models.errors import ModelError
from models.forkserver import ForkServer
from models.loader import ModelLoader
from models.runner import Answer, Runner
from models.spec import StoredModel, harmless_label
from models.store import ModelStore
from models.versions import key_of
from training.evaluating.answers import Answers, Model, Progress, sample
from training.evaluating.errors import EvaluationError, TorchNeeded


async def answers(
    name: str, texts: Sequence[str], check: Callable[[Model], None], progress: Progress
) -> Answers:
    """Of "name" or "name:version"; `check` sees the model before it is loaded, and may raise.

    As many texts are under way as there are cores, then a sample goes one at a time. Raises
    EvaluationError or ModelError. Cancelled, which SIGTERM does too, it leaves no process.
    """
    _cancel_on_sigterm()
    chosen = os.environ.get("MODEL_CACHE_CATALOGUE")
    catalogue = load_catalogue(Path(chosen) if chosen else None)
    store = await asyncio.to_thread(ModelStore)
    directory = Directory(catalogue, store, SystemClock())
    stored = await directory.find(parse_ref(name))
    harmless = harmless_label(stored.labels, catalogue.get(stored.name))
    model = Model(key_of(stored.name, stored.version), stored.labels, harmless)
    check(model)
    _require_torch(stored)
    config = ServingConfig()
    forkserver = await ForkServer.start()
    try:
        live = await ModelLoader(directory, store, forkserver, config).load(model.name)
        try:
            return await _Asking(live.runner, model, config).answers(texts, progress)
        finally:
            await live.close()
    finally:
        await forkserver.aclose()


def _cancel_on_sigterm() -> None:
    """SIGTERM ends it as Ctrl-C does: cleaning up on the way out."""
    task = asyncio.current_task()
    if task:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _require_torch(stored: StoredModel) -> None:
    if stored.engine == "pytorch" and importlib.util.find_spec("torch") is None:
        raise TorchNeeded(f"{stored.name} runs in torch, which the torch extra installs")


class _Asking:
    """Puts texts to a runner."""

    def __init__(self, runner: Runner, model: Model, config: ServingConfig) -> None:
        self._runner = runner
        self._model = model
        self._config = config

    async def answers(self, texts: Sequence[str], progress: Progress) -> Answers:
        at_once = cores(self._config)
        began = time.perf_counter()
        rows = await self._all(texts, at_once, progress)
        seconds = time.perf_counter() - began
        return Answers(
            model=self._model,
            probabilities=np.array([row.probabilities for row in rows]),
            truncated=sum(row.truncated for row in rows),
            seconds=seconds,
            at_once=at_once,
            latencies=await self._latencies(sample(texts), progress),
        )

    async def _all(self, texts: Sequence[str], at_once: int, progress: Progress) -> list[Row]:
        rows: dict[int, Row] = {}
        todo = iter(enumerate(texts))

        async def ask() -> None:
            for place, text in todo:
                rows[place] = await self._row(text, f"text {place + 1}")
                progress("texts read", len(rows), len(texts))

        callers = [asyncio.create_task(ask()) for _ in range(min(at_once, len(texts)))]
        try:
            await asyncio.gather(*callers)
        finally:
            for caller in callers:
                caller.cancel()
        return [rows[place] for place in range(len(texts))]

    async def _latencies(self, texts: Sequence[str], progress: Progress) -> tuple[float, ...]:
        found = []
        for text in texts:
            began = time.perf_counter()
            await self._row(text, "a text of the sample")
            found.append(time.perf_counter() - began)
            progress("texts timed", len(found), len(texts))
        return tuple(found)

    async def _row(self, text: str, which: str) -> Row:
        try:
            [answer] = await self._runner.predict([text], timeout=self._config.inference_timeout)
            if isinstance(answer, Answer):
                return answer.row
            raise answer
        except ModelError as error:
            raise EvaluationError(
                f"{self._model.name} does not answer {which} ({text[:40]!r}): {error}"
            ) from error
