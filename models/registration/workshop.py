"""Where a model is made: children of the fork server that do the heavy work, and what is told."""

import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import ModelError, RegistrationFailed
from models.forkserver import ForkServer
from models.runner import run_in_child

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Workshop:
    """`say` takes a line of progress."""

    forkserver: ForkServer
    say: Say

    async def do(self, target: str, timeout: float, /, **arguments: Any) -> Any:
        """Have a child call `target` ("package.module:function"); paths travel as text.

        Raises RegistrationFailed with the reason, also when the child died or took too long.
        """
        plain = {k: str(v) if isinstance(v, Path) else v for k, v in arguments.items()}
        try:
            return await run_in_child(self.forkserver, target, plain, timeout=timeout)
        except ModelError as error:
            raise RegistrationFailed(str(error)) from error

    @asynccontextmanager
    async def step(self, doing: str) -> AsyncIterator[Callable[[str], None]]:
        """Say what is being done; the block tells what came of it, which is said with its time."""
        self.say(f"{doing} …")
        began = time.monotonic()

        def done(what: str) -> None:
            self.say(f"{what}, in {time.monotonic() - began:.1f} s.")

        yield done


def megabytes(folder: Path, names: Iterable[str]) -> str:
    return f"{sum((folder / name).stat().st_size for name in names) / 1e6:.1f} MB"
