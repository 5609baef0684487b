"""What every part is given: how much to do, with what, and where to put it."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.fleet import MODELS, TINY, Model, ensure
from bench.servers import Server, served
from models.spec import StoredModel


@dataclass(frozen=True, slots=True)
class Setup:
    """`models` is the folder of built models; `say` tells of progress.

    `requests`, `seeds` and `budget` (a part of what all are charged) are those of the comparison of
    policies. A `quick` run does a little of
    each, with small models.
    """

    models: Path
    quick: bool
    requests: int
    seeds: Sequence[int]
    budget: float
    say: Callable[[str], None]

    @property
    def store(self) -> Path:
        return self.models / "models"

    def fleet(self) -> list[StoredModel]:
        """Models of all sizes, the embedded one last."""
        return self.ensure(TINY if self.quick else MODELS)

    def ensure(self, wanted: Sequence[Model]) -> list[StoredModel]:
        return ensure(self.models, wanted, self.say)

    @contextmanager
    def server(
        self, settings: Mapping[str, str] | None = None, *, store: Path | None = None
    ) -> Iterator[Server]:
        """A fresh one on the built models, or on another `store`; `settings` as for `served`."""
        with (
            tempfile.TemporaryDirectory(prefix="model-cache-bench-") as folder,
            served(Path(folder), store or self.store, settings or {}) as server,
        ):
            yield server
