"""Registers models in tests, with the real fork server and store."""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from models.catalogue import load_catalogue
from models.forkserver import ForkServer
from models.registration.register import ensure_embedded, register
from models.runner import LoadOrder, Runner
from models.spec import StoredModel
from models.store import ModelStore
from tests import tiny
from tests.process.processes import LONG, ask


class Desk:
    """Registers, and keeps the lines of progress."""

    def __init__(self, store: ModelStore, forkserver: ForkServer) -> None:
        self.store = store
        self.forkserver = forkserver
        self.lines: list[str] = []
        self.optimising = asyncio.Event()
        self.catalogue = load_catalogue()
        self.precision: str | None = None

    def say(self, line: str) -> None:
        self.lines.append(line)
        if line.startswith("Optimising"):
            self.optimising.set()

    async def register(self, name: str, source: str | None) -> StoredModel:
        return await register(
            name,
            source,
            store=self.store,
            forkserver=self.forkserver,
            catalogue=self.catalogue,
            progress=self.say,
            precision=self.precision,
        )

    async def ensure_embedded(self) -> StoredModel:
        return await ensure_embedded(self.store, self.forkserver, self.catalogue, self.say)

    async def labels_of(self, stored: StoredModel, texts: Sequence[str]) -> list[str]:
        """What a runner says that loads it as the service does."""
        order = LoadOrder(
            stored.engine, stored.path, stored.labels, stored.max_length, 1, compiled=True
        )
        runner = await Runner.start(self.forkserver, order, timeout=LONG)
        rows = [(await ask(runner, text)).row.probabilities for text in texts]
        await runner.close()
        return [stored.labels[row.index(max(row))] for row in rows]


def colours(folder: Path, write: Callable[[Path], Path] = tiny.write_model, **more: Any) -> Path:
    """A tiny model that names the colour of a text, as a folder to be registered."""
    write(folder)
    named = {"id2label": dict(enumerate(tiny.LABELS)), "pad_token_id": 0}
    (folder / "config.json").write_text(json.dumps(named | more))
    return folder
