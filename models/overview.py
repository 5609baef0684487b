"""What the service shows of itself: models, memory, and what it would do next."""

from collections.abc import Callable, Iterable

from cache.entry import State
from cache.policy import Admit, Refuse, Wait
from cache.prospects import Plan, Sweep
from cache.ranking import Hold, Standing
from cache.residency import Residency
from models.budget import Budget
from models.catalogue import ModelRef, parse_ref
from models.clock import SystemClock
from models.config import ServingConfig
from models.describe import memory_usage, model_view, standing_view
from models.directory import Directory
from models.figures import Figures
from models.loader import LiveModel
from models.memory import MemoryMeter
from models.versions import Versions, name_of
from models.views.model import ModelView, StandingView
from models.views.operations import CleanupPlan, LoadPlan
from models.views.system import CacheView, PredictionCacheView, SystemView


class Overview:
    """`limit` is the memory limit in bytes."""

    def __init__(
        self,
        config: ServingConfig,
        directory: Directory,
        residency: Residency[LiveModel],
        versions: Versions,
        figures: Figures,
        meter: MemoryMeter,
        budget: Budget,
        clock: SystemClock,
        is_pinned: Callable[[str], bool],
        predictions: Callable[[], PredictionCacheView],
        *,
        limit: int,
    ) -> None:
        self._config = config
        self._directory = directory
        self._residency = residency
        self._versions = versions
        self._figures = figures
        self._meter = meter
        self._budget = budget
        self._clock = clock
        self._is_pinned = is_pinned
        self._predictions = predictions
        self._limit = limit
        self._started_at = clock.monotonic()

    async def model(self, name: str) -> ModelView:
        parse_ref(name)
        await self._directory.renew()
        ref = self._versions.meant(name)
        listed = ref.version is None and self._directory.entry(ref) != (None, None)
        key = self._versions.known(ref)
        if not listed and (key is None or self._residency.entry(key) is None):
            await self._directory.find(ref)
        return self._view(ref, {s.entry.key: s for s in self._residency.standings()})

    async def cache(self) -> CacheView:
        """All names, and the versions in memory that no name stands for."""
        await self._directory.renew()
        refs = [ModelRef(name) for name in self._directory.names()]
        named = {self._versions.known(ref) for ref in refs}
        keys = (entry.key for entry in self._residency.entries())
        refs += [parse_ref(key) for key in keys if key not in named]
        standings = {s.entry.key: s for s in self._residency.standings()}
        models = tuple(self._view(ref, standings) for ref in refs)
        memory = memory_usage(sum(m.footprint for m in models), self._limit, self._config)
        return CacheView(models, memory, self._figures.performance(), self._predictions())

    async def system(self) -> SystemView:
        """The process tree, and what has been cleaned up so far."""
        sample = await self._meter.sample()
        self._residency.relieve()
        figures = self._figures
        return SystemView(
            memory=memory_usage(sample.total, self._limit, self._config),
            own=sample.own,
            budget=self._budget.limits().budget,
            tracked=self._residency.totals().charged,
            uptime_seconds=self._clock.monotonic() - self._started_at,
            last_cleanup=figures.last_cleanup,
            cleanup_count=figures.cleanups,
            cleanup_freed=figures.cleaned,
            waiting=self._residency.waiting,
        )

    async def load_plan(self, name: str, key: str) -> LoadPlan:
        """What a load of the registered `key` would do now."""
        plan = await self._residency.plan(key)
        decision, reason = self._decision(key, plan)
        verdict = plan.verdict if isinstance(plan.verdict, Wait) else Wait()
        shown = {s.entry.key: s for s in plan.standings}
        rest = [s for s in plan.standings if s.entry.key not in verdict.victims]
        return LoadPlan(
            name=name,
            decision=decision,
            reason=reason,
            needed=plan.terms.size_estimate,
            budget=plan.limits.budget,
            charged=plan.charged,
            victims=self._standings(shown[victim] for victim in verdict.victims),
            blockers=self._standings(
                [s for s in rest if s.entry.key in verdict.blockers]
                + self._loading(verdict.blockers, after=len(plan.standings))
            ),
            others=self._standings(s for s in rest if s.entry.key not in verdict.blockers),
        )

    def cleanup_plan(self) -> CleanupPlan:
        """What a cleanup would do now."""
        expired, evicted = self._residency.outgoing()
        shown = {s.entry.key: s for s in self._residency.standings()}
        gone = [*expired, *evicted]
        return CleanupPlan(
            expired=self._standings(shown[key] for key in expired),
            evicted=self._standings(shown[key] for key in evicted),
            others=self._standings(s for key, s in shown.items() if key not in gone),
            reason=cleanup_reason(Sweep(expired, evicted, 0)),
            freed=sum(shown[key].entry.footprint for key in gone),
        )

    def _decision(self, key: str, plan: Plan) -> tuple[str, str]:
        entry = self._residency.entry(key)
        if entry is not None and entry.state is not State.DRAINING:
            return entry.state.value, f"it is {entry.state.value} already"
        match plan.verdict:
            case Admit():
                return "admit", "there is room"
            case Refuse(reason=reason):
                return "refuse", reason
            case Wait(victims=victims) if victims:
                return "evict", "what is idle can make room"
        return "wait", "others wait for room already, or what is in the way cannot go at the moment"

    def _loading(self, keys: tuple[str, ...], *, after: int) -> list[Standing]:
        """Those of `keys` that load; they have no rank yet, and are shown behind all others."""
        found = (self._residency.entry(key) for key in keys)
        loading = [e for e in found if e is not None and e.state is State.LOADING and e.wanted]
        return [
            Standing(entry, place, entry.priority, Hold.LOADING)
            for place, entry in enumerate(loading, start=after + 1)
        ]

    def _view(self, ref: ModelRef, standings: dict[str, Standing]) -> ModelView:
        key = self._versions.known(ref) or str(ref)
        spec, stored = self._directory.entry(parse_ref(key))
        return model_view(
            str(ref),
            spec,
            stored,
            self._residency.entry(key),
            self._residency.resident(key),
            self._figures.usage[str(ref)],
            self._figures.usage[key],
            self._clock,
            standing=standings.get(key),
            suspension=self._residency.suspension(key),
            pinned=self._is_pinned(key),
            aliases=self._directory.aliases_of(parse_ref(key)),
        )

    def _standings(self, standings: Iterable[Standing]) -> tuple[StandingView, ...]:
        return tuple(standing_view(s, self.shown(s.entry.key), self._clock) for s in standings)

    def shown(self, key: str) -> str:
        """By its name alone where that stands for it."""
        name = name_of(key)
        return name if self._versions.known(ModelRef(name)) == key else key


def cleanup_reason(sweep: Sweep) -> str:
    if sweep.evicted:
        return "memory_threshold_exceeded"
    return "expired" if sweep.expired else "nothing_to_do"
