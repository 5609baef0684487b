"""What a source turned out to be: a checked folder, and where it is from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.registration.folder import ModelFolder


@dataclass(frozen=True, slots=True)
class Found:
    """What `origin` stands for. `source` is the documented one.

    `revision` is the hub's commit, or the version in MLflow or BentoML; `about` is whatever else
    the place knows that tells of the model's making.
    """

    origin: str
    source: str
    folder: ModelFolder
    revision: str | None = None
    license: str | None = None
    about: Mapping[str, str] = field(default_factory=dict)

    def provenance(self) -> dict[str, str]:
        """What is known of it beside the origin, as it stands in the entry's metadata."""
        known = {**self.about, "revision": self.revision, "license": self.license}
        return {name: value for name, value in known.items() if value is not None}
