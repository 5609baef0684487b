"""What the server's process needs of us: an orderly end, and a tuned garbage collector."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from types import FrameType

from bentoml.serving import running_inside_container

from models.memory import serve_process

logger = logging.getLogger(__name__)
GC_THRESHOLD = (50_000, 50, 100)


@contextlib.contextmanager
def orderly_shutdown(begin: Callable[[], None], delay: float) -> Iterator[None]:
    """On SIGTERM call `begin`, and let the server's own handler run `delay` seconds later.

    Until then the server accepts connections as before, so that whoever still sends requests here
    has time to see that readiness is false. A second SIGTERM, or SIGINT, does not wait.
    The server must have installed its handlers already, and this must run on the main thread.
    """
    loop = asyncio.get_running_loop()
    servers_own = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    begun = False

    def stop_server(number: int, frame: FrameType | None) -> None:
        handler = servers_own[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal begun
        at_once = begun or number == signal.SIGINT or delay <= 0
        if not begun:
            begun = True
            loop.call_soon_threadsafe(begin)
        if at_once:
            stop_server(number, frame)
        else:
            logger.info("Not ready any more; stopping in %s s", delay)
            loop.call_soon_threadsafe(loop.call_later, delay, stop_server, number, None)

    for number in servers_own:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in servers_own.items():
            signal.signal(number, handler)


@contextlib.asynccontextmanager
async def tuned_garbage_collector(
    is_ready: Callable[[], bool], *, look_every: float = 0.25
) -> AsyncIterator[None]:
    """Keep what startup made out of later collections: they took most of the p99.

    That is done now, and once more, for what preloading made, when `is_ready`: in a moment, for
    what was kept before is not looked at. What is kept is never freed where it is a cycle, but
    after that nothing is kept. `look_every` (seconds) is for readiness.

    The fork server runs a program of its own, and has a collector of its own.

    A cycle that a request leaves behind waits for 50,000 new objects, whatever it holds; so
    requests must leave none, which a test sees to.
    """
    _freeze()
    gc.set_threshold(*GC_THRESHOLD)
    later = asyncio.create_task(_freeze_when(is_ready, look_every))
    try:
        yield
    finally:
        later.cancel()


@contextlib.contextmanager
def unhurried() -> Iterator[None]:
    """Let the event loop's thread finish what others compute before it comes to what is new.

    As a batch process it does not interrupt a runner at each request and each answer, but within
    a slice of the scheduler, some milliseconds, and has several to deal with then: each costs less
    with the caches full of the one before. While a core is free nothing waits.
    """
    usual = os.sched_getscheduler(0)
    try:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except OSError:
        logger.info("The system does not let the service be scheduled as a batch process")
        yield
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, usual, os.sched_param(0))


async def _freeze_when(is_ready: Callable[[], bool], look_every: float) -> None:
    while not is_ready():  # noqa: ASYNC110 - the use cases tell readiness when they are asked
        await asyncio.sleep(look_every)
    _freeze()


def _freeze() -> None:
    gc.collect()
    gc.freeze()


def stop_supervisor() -> None:
    """End `bentoml serve`, which would start a worker that cannot start every ten seconds.

    In a container it starts none again, and ends by itself with an exit status of failure.
    """
    supervisor = serve_process(os.getpid())
    if supervisor != os.getpid() and not running_inside_container():
        os.kill(supervisor, signal.SIGTERM)
