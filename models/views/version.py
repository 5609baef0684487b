"""The versions of a model, and what became of an alias."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from models.spec import Parity
from models.views.model import QuarantineView


@dataclass(frozen=True, slots=True)
class SetbackView:
    """Why a version could not take the place of the one in memory, and when it was tried.

    `held`: the last good version is loaded in its place, until it is loaded or named champion by
    hand, or a newer one comes.
    """

    error: str
    at: datetime
    held: bool


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version of a model. `size` is bytes on disk; `engine` the documented type.

    `current`: the plain name is answered by it now. `state` is loaded, cached (it loads or
    leaves) or not_cached. What is not `registered` any more is in memory still. `origin` is None
    where it is a folder of the service's machine.
    """

    version: str
    created_at: datetime
    engine: str
    precision: str
    size: int
    aliases: tuple[str, ...]
    current: bool
    state: str
    registered: bool
    source: str
    origin: str | None
    parity: Parity | None
    setback: SetbackView | None
    quarantine: QuarantineView | None


@dataclass(frozen=True, slots=True)
class VersionsView:
    """All versions of a model, newest first, and its aliases: alias → version."""

    name: str
    current: str | None
    aliases: Mapping[str, str]
    versions: tuple[VersionView, ...]


@dataclass(frozen=True, slots=True)
class AliasReport:
    """What an alias names now and named before; None for nothing.

    `current` is the version that the plain name is answered by. `swap` is not_needed, done,
    under_way, or failed, of which `error` says why.
    """

    name: str
    alias: str
    version: str | None
    previous: str | None
    current: str | None
    swap: str
    error: str | None = None
