"""Puts the use cases together from their parts: who is given whom."""

from collections.abc import Callable, Mapping

from cache.entry import State
from cache.events import Event, LoadFinished
from cache.janitor import Janitor
from cache.residency import Residency
from models.aliasing import Aliasing
from models.answering import Answering
from models.background import Background
from models.budget import Budget
from models.catalogue import parse_ref
from models.chronicle import Chronicle
from models.clock import SystemClock
from models.config import ServingConfig, cores
from models.deadline import Deadlines
from models.dispatch import Dispatcher
from models.figures import Figures
from models.journal import AccessJournal
from models.loader import LiveModel, ModelLoader
from models.memory import MemoryMeter
from models.operating import Operating
from models.overview import Overview
from models.port import ServingObserver
from models.predicting import Predicting
from models.recalling import Recalling
from models.refreshing import Refreshing
from models.rules import rules_of
from models.serving import Serving
from models.setbacks import Setbacks
from models.shared.sharing import Sharing
from models.spec import StoredModel
from models.versions import Versions, name_of
from models.warming import Warming


def assemble(
    config: ServingConfig,
    loader: ModelLoader,
    clock: SystemClock,
    observe: ServingObserver,
    journal: AccessJournal,
    *,
    limit: int,
    free: Callable[[], int],
    root: int,
    devices: Mapping[str, int] | None = None,
    setbacks: Setbacks | None = None,
    sharing: Sharing | None = None,
) -> Serving:
    """The use cases, ready to be started.

    One list, however long: each part is given some of those before it. Only the meter looks ahead,
    at the residents' processes.

    `limit` is the memory limit in bytes, `free` tells what of the machine's memory is free,
    `devices` is the budget of each GPU, and `root` the process id at the top of the service.
    `setbacks` are those of before the start. `sharing` is the prediction cache's second level.
    """
    directory = loader.directory
    chronicle = Chronicle(clock, config.events_kept)
    figures = Figures(clock, observe, chronicle)

    def on_event(event: Event) -> None:
        if isinstance(event, LoadFinished):
            name = name_of(event.key)
            journal.record_load(name, event.at, event.seconds, event.footprint)
        figures.on_event(event)

    def runner_pids() -> frozenset[int]:
        return frozenset(live.runner.pid for live in residency.residents())

    meter = MemoryMeter(root, lambda: loader.forkserver.pids, runner_pids, clock)
    budget = Budget(config, limit, meter, free, clock, devices)
    residency: Residency[LiveModel] = Residency(
        loader, clock, budget.limits, on_event, rules_of(config)
    )

    def stays(key: str) -> bool:
        entry = residency.entry(key)
        return entry is not None and entry.state is not State.DRAINING

    versions = Versions(directory, stays, setbacks or Setbacks())
    answering = Answering(
        residency,
        Dispatcher(cores(config), config.dispatch),
        versions.current,
        inference_timeout=config.inference_timeout,
    )
    deadlines = Deadlines(config.request_timeout)
    operating = Operating(loader, residency, versions, deadlines)
    warming = Warming(
        residency,
        versions,
        answering,
        directory.catalogue,
        figures,
        clock,
        config.warmup_requests,
    )
    refreshing = Refreshing(residency, versions, warming, clock, figures.on_event)

    def stored_of(key: str) -> StoredModel | None:
        return directory.entry(parse_ref(key))[1]

    recalling = Recalling(config, directory.catalogue, sharing, stored_of)
    overview = Overview(
        config,
        directory,
        residency,
        versions,
        figures,
        meter,
        budget,
        clock,
        loader.is_pinned,
        recalling.view,
        limit=limit,
    )
    background = Background()
    aliasing = Aliasing(
        loader.store,
        directory,
        residency,
        versions,
        refreshing,
        clock,
        background.attempt,
        patience=config.request_timeout,
    )
    directory.follow(aliasing.follow)
    predicting = Predicting(
        config,
        directory,
        residency,
        versions,
        answering,
        figures,
        journal,
        recalling,
        background,
        deadlines,
        clock,
    )
    janitor = Janitor(
        residency,
        clock,
        config.cleanup_interval,
        before=budget.measure,
        after=figures.on_sweep,
        refresh=lambda key: background.attempt(refreshing.refresh(key)),
    )
    return Serving(
        config,
        residency,
        versions,
        predicting,
        operating,
        aliasing,
        warming,
        overview,
        budget,
        janitor,
        chronicle,
        journal,
        background,
        deadlines,
    )
