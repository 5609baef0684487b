"""What every part is given: how much to do, with what, and where to put it."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.classifiers import BASE, MINI, TINY_BASE, TINY_MINI, Built, Classifier, build
from bench.fleet import MODELS, TINY, Source, ensure
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

    def ensure(self, wanted: Sequence[Source]) -> list[StoredModel]:
        return ensure(self.models, wanted, self.say)

    def mini(self) -> Built:
        """The classifier of MiniLM's size, in int8 and for transformers."""
        return self.classifiers([TINY_MINI if self.quick else MINI])[0]

    def base(self) -> Built:
        """The same of base size."""
        return self.classifiers([TINY_BASE if self.quick else BASE])[0]

    def classifiers(self, wanted: Sequence[Classifier], precision: str = "int8") -> list[Built]:
        return build(self.models, wanted, precision, self.say)

    def rounds(self, count: int) -> int:
        return 1 if self.quick else count

    def texts(self, count: int) -> int:
        """How many texts a round has: a few in a quick run."""
        return min(count, 24) if self.quick else count

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
