"""One of three replicas goes away under traffic, killed or stopped: what do clients see of it?"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice, takewhile

from bench.replicas.asking import Asked, ask, failed, hit_rate, milliseconds
from bench.replicas.cluster import Cluster, cluster
from bench.replicas.judging import homes, more, shares, strays
from bench.replicas.proxy import haproxy
from bench.replicas.routing import CALLERS, NAMES, models
from bench.report import Bar, Section, Table
from bench.setup import Setup
from bench.traffic import zipf

ROOM = 5
"""Nine models have to fit into what is left."""

WARM, FIRST = 600, 200
"""Requests that warm the replicas, and those before the signal."""

SECONDS, QUICK_SECONDS = 10.0, 4.0
"""For which the callers go on after it: a replica that is stopped needs some to end."""

_ENOUGH = 100_000
KILLED, STOPPED = "killed (SIGKILL)", "stopped (SIGTERM)"
ENDINGS: Mapping[str, Callable[[Cluster, str], None]] = {
    KILLED: Cluster.kill,
    STOPPED: Cluster.stop,
}


@dataclass(frozen=True, slots=True)
class Loss:
    """`moved` were the lost replica's models. `others_loaded` counts loads of any other model.

    Times and `hit_rate_after` are of what was under way at the signal or came after it.
    """

    ending: str
    requests: int
    failed: int
    failures: Sequence[str]
    asked_again: int
    moved: Sequence[str]
    strays: Sequence[str]
    moved_loaded: int
    others_loaded: int
    shares: str
    shares_after: str
    hit_rate_before: float
    hit_rate_after: float
    p50_ms: float
    p99_ms: float
    slowest_ms: float


def run(setup: Setup) -> Section:
    haproxy()
    seconds = QUICK_SECONDS if setup.quick else SECONDS
    losses = [lose(setup, ending, seconds) for ending in ENDINGS]
    return Section(
        "losing",
        note=(
            f"Three replicas and nine models as in routing, room for {ROOM} on each, so that two"
            f" can hold all. {WARM} requests warm them; after {FIRST} more the replica that"
            " answers for the model asked for most is sent the signal, all its processes at once"
            f" where it is SIGKILL, and {CALLERS} callers go on for {seconds:g} s. Times and hit"
            " rate after it are of all requests that were under way then or came later. Asked again"
            " by their callers were those whose answer broke off between its head and its body."
        ),
        tables=(_table(losses),),
        bars=tuple(bar for loss in losses for bar in _bars(loss)),
        data={"losses": [asdict(loss) for loss in losses]},
    )


def lose(setup: Setup, ending: str, seconds: float) -> Loss:
    setup.ensure(models(setup))
    with cluster(setup.store, {"MAX_MODELS": str(ROOM), "SHUTDOWN_DELAY": "1"}) as group:
        loss = _lose(group, ending, seconds)
    setup.say(
        f"{ending}: {loss.failed} of {loss.requests} failed, slowest {loss.slowest_ms:.0f} ms"
    )
    return loss


def _lose(group: Cluster, ending: str, seconds: float) -> Loss:
    todo, at = iter(zipf(NAMES, _ENOUGH, seed=1)), list[float]()
    warm = asyncio.run(ask(group.proxy.port, islice(todo, WARM), CALLERS))
    before, loads = homes(warm), group.loads(NAMES)
    (gone,) = before[_favourite(warm)]

    def step() -> None:
        at.append(time.monotonic())
        ENDINGS[ending](group, gone)

    rest = takewhile(lambda _: not at or time.monotonic() < at[0] + seconds, todo)
    traffic = asyncio.run(ask(group.proxy.port, rest, CALLERS, {FIRST: step}))
    group.replicas[gone].process.wait()
    after = [one for one in traffic if one.until >= at[0]]
    later = [one for one in after if one.replica != gone]
    moved = [model for model, replicas in before.items() if gone in replicas]
    loaded = group.loads(NAMES)
    return Loss(
        ending=ending,
        requests=len(traffic),
        failed=failed(traffic),
        failures=[one.failure for one in traffic if one.failure],
        asked_again=sum(one.again for one in traffic),
        moved=moved,
        strays=strays(before, homes(traffic), gone),
        moved_loaded=more(loads, loaded, moved),
        others_loaded=more(loads, loaded, [name for name in NAMES if name not in moved]),
        shares=shares(warm),
        shares_after=shares(later),
        hit_rate_before=hit_rate(warm),
        hit_rate_after=hit_rate(after),
        p50_ms=milliseconds(after, 0.5),
        p99_ms=milliseconds(after, 0.99),
        slowest_ms=milliseconds(after, 1.0),
    )


def _favourite(asked: Sequence[Asked]) -> str:
    return Counter(one.model for one in asked).most_common(1)[0][0]


def _table(losses: Sequence[Loss]) -> Table:
    columns = (
        "",
        "requests",
        "not answered",
        "asked again",
        "models that moved",
        "others that moved",
        "loads of those",
        "loads of others",
        "models a replica, before",
        "after",
        "hit rate before",
        "after",
        "p50 ms",
        "p99 ms",
        "slowest ms",
    )
    rows = [
        (
            loss.ending,
            loss.requests,
            loss.failed,
            loss.asked_again,
            len(loss.moved),
            len(loss.strays),
            loss.moved_loaded,
            loss.others_loaded,
            loss.shares,
            loss.shares_after,
            loss.hit_rate_before,
            loss.hit_rate_after,
            loss.p50_ms,
            loss.p99_ms,
            loss.slowest_ms,
        )
        for loss in losses
    ]
    return Table("One of three goes away", columns, rows)


def _bars(loss: Loss) -> tuple[Bar, ...]:
    wanted = (
        ("requests not answered", loss.failed),
        ("models of the others that moved", len(loss.strays)),
        ("loads of models that did not move", loss.others_loaded),
    )
    return tuple(
        Bar(f"{loss.ending}: {name}", "0", figure, met=figure == 0) for name, figure in wanted
    )
