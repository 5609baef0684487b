"""One fake model, and its views."""

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cache.ports import Priority
from models.spec import Parity
from models.views.model import LifetimeView, ModelView, QuarantineView, RunnerView, StandingView
from models.views.performance import Performance
from models.views.version import SetbackView, VersionView

MOMENT = datetime(2024, 1, 1, tzinfo=UTC)
LIMIT = 8_192_000_000
LABELS = ("prompt_injection", "jailbreak", "system_extraction", "code_injection", "benign")
PROBABILITIES = (0.95, 0.03, 0.01, 0.01, 0.0)
DEBERTA = "deberta-v3-base_pretrained"
ROBERTA = "roberta-base_pretrained"
BERT = "bert-base-uncased_pretrained"
DISTILBERT = "distilbert-base-uncased_pretrained"
FOOTPRINTS = {DEBERTA: 512_300_000, ROBERTA: 456_700_000, DISTILBERT: 234_100_000}
LOAD_SECONDS = 2.5
INFERENCE_SECONDS = 0.0452


@dataclass(slots=True)
class FakeModel:
    """One model's state; `registered` False is a catalogue entry without weights."""

    name: str
    footprint: int
    registered: bool = True
    resident: bool = False
    hits: int = 0
    misses: int = 0
    loads: int = 0
    warmed_up: bool = False
    pinned: bool = False
    keep_alive: float | None = None
    quarantine: QuarantineView | None = None
    aliases: dict[str, str] = field(default_factory=dict)

    def view(self) -> ModelView:
        asked = self.hits + self.misses
        return ModelView(
            name=self.name,
            cached=self.resident,
            loaded=self.resident,
            footprint=self.footprint if self.resident else 0,
            last_accessed=MOMENT if asked else None,
            access_count=asked,
            priority=Priority.HIGH if asked else Priority.LOW,
            source="Hugging Face",
            engine="onnx",
            registered=self.registered,
            version="v1" if self.registered else None,
            labels=LABELS,
            precision="int8",
            size=self.footprint,
            loaded_at=MOMENT if self.resident else None,
            load_seconds=LOAD_SECONDS if self.loads else None,
            warmup_completed=self.warmed_up,
            warmup_seconds=1.2 if self.warmed_up else None,
            performance=self.performance(),
            runner=RunnerView(4711, self.footprint, 0, MOMENT) if self.resident else None,
            pinned=self.pinned,
            standing=self.standing() if self.resident else None,
            lifetime=self.lifetime() if self.resident else None,
            quarantine=self.quarantine,
            aliases=(*self.aliases, "latest") if self.registered else (),
        )

    def version(self) -> VersionView:
        return VersionView(
            version="v1",
            created_at=MOMENT,
            engine="onnx",
            precision="int8",
            size=self.footprint,
            aliases=(*self.aliases, "latest"),
            current=True,
            state="loaded" if self.resident else "not_cached",
            registered=True,
            source="Hugging Face",
            origin="hf:somebody/something",
            parity=Parity(0.998, 0.031, 512, "fp32"),
            setback=SetbackView("mine:v1 answered (nan,)", MOMENT, held=True),
            quarantine=self.quarantine,
        )

    def standing(self) -> StandingView:
        return StandingView(
            name=self.name,
            place=1,
            priority=Priority.MEDIUM,
            fixed=False,
            score=0.25,
            footprint=self.footprint,
            charged=self.footprint + 50_000_000,
            last_used=MOMENT,
            held_by="pinned" if self.pinned else None,
        )

    def lifetime(self) -> LifetimeView:
        expires_at = None if self.keep_alive == math.inf else MOMENT + timedelta(hours=1)
        return LifetimeView(expires_at, self.keep_alive, refreshed_at=None)

    def performance(self) -> Performance:
        answered = self.hits + self.misses
        average = INFERENCE_SECONDS if answered else 0.0
        seconds = LOAD_SECONDS * self.loads
        return Performance(answered, self.hits, self.misses, average, self.loads, seconds)
