"""Opens the use cases: fork server, store, catalogue, and what is resident from the start."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from models.assembling import assemble
from models.catalogue import load_catalogue
from models.clock import SystemClock
from models.config import ServingConfig
from models.devices import device_budgets, device_memory
from models.directory import Directory
from models.errors import ModelError
from models.forkserver import ForkServer
from models.free import free_memory
from models.journal import AccessJournal
from models.limits import memory_limit
from models.loader import ModelLoader
from models.memory import serve_process
from models.port import ServingObserver
from models.registration.register import ensure_embedded
from models.serving import Serving
from models.setbacks import Setbacks
from models.setbacks_file import SetbacksFile, read_setbacks
from models.shared.opening import open_sharing
from models.store import ModelStore
from models.watching import Watching

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_serving(config: ServingConfig, observe: ServingObserver) -> AsyncIterator[Serving]:
    """The running use cases; preloading goes on behind them. Closes all that it opened."""
    clock = SystemClock()
    catalogue = load_catalogue(config.catalogue)
    store = ModelStore()
    directory = Directory(catalogue, store, clock)
    limit = config.memory_limit or memory_limit()
    async with AsyncExitStack() as opened:
        path = _journal_path(config, store)
        setbacks, kept = await _setbacks(path, clock)
        journal = await AccessJournal.open(path, clock)
        opened.push_async_callback(journal.aclose)
        forkserver = await ForkServer.start()
        opened.push_async_callback(forkserver.aclose)
        devices = opened.enter_context(device_memory())
        sharing = await opened.enter_async_context(open_sharing(config))
        loader = ModelLoader(directory, store, forkserver, config, devices)
        root = serve_process(os.getpid())
        serving = assemble(
            config,
            loader,
            clock,
            observe,
            journal,
            limit=limit,
            free=free_memory,
            root=root,
            devices=device_budgets(devices, config.max_memory_usage),
            setbacks=setbacks,
            sharing=sharing,
        )
        opened.push_async_callback(serving.aclose)
        watching = Watching(
            store.path,
            directory.relist,
            clock,
            poll=config.store_watch == "poll",
            every=config.store_poll_seconds,
        )
        await serving.start(lambda: _prepare(serving, config, loader), watching.run, *kept)
        await _say_budget(serving)
        yield serving


def _journal_path(config: ServingConfig, store: ModelStore) -> Path | None:
    if not config.journal_enabled:
        return None
    return config.journal or store.path.parent / "model-cache" / "accesses.sqlite3"


async def _setbacks(
    journal: Path | None, clock: SystemClock
) -> tuple[Setbacks, list[Callable[[], Coroutine[Any, Any, None]]]]:
    """Those of before the start, and the work that keeps them: none where there is no journal."""
    if journal is None:
        return Setbacks(), []
    path = journal.with_suffix(".setbacks.json")
    setbacks = Setbacks(await asyncio.to_thread(read_setbacks, path, clock))
    return setbacks, [SetbacksFile(path, setbacks, clock).run]


async def _say_budget(serving: Serving) -> None:
    system = await serving.system()
    figures = (system.memory.limit / 1e6, system.own / 1e6, system.budget / 1e6)
    _log.info("memory limit %.0f MB, own use %.0f MB, budget for models %.0f MB", *figures)
    if system.budget <= 0:
        _log.warning("no model fits: raise the memory limit, or MODEL_CACHE_MAX_MEMORY_USAGE")


async def _prepare(serving: Serving, config: ServingConfig, loader: ModelLoader) -> None:
    """Register what ships with the project, then preload."""
    directory = loader.directory
    try:
        await ensure_embedded(loader.store, loader.forkserver, directory.catalogue, _log.info)
    except ModelError as error:
        _log.error("the embedded model is not registered: %s", error)
    await directory.refresh()
    for name in preloads(config, directory):
        await serving.try_warmup(name)


def preloads(config: ServingConfig, directory: Directory) -> tuple[str, ...]:
    """The preload entries that are registered, or the embedded model where none of them is."""
    wanted = config.preload_models
    for name in wanted:
        if not directory.is_registered(name):
            _log.warning(
                "%s is to be preloaded, but is not in the model store; register it with:"
                " scripts/register %s",
                name,
                name,
            )
    registered = tuple(name for name in wanted if directory.is_registered(name))
    return registered or ((directory.catalogue.embedded.name,) if wanted else ())
