"""Swaps of versions under constant traffic: does a request fail, or get the wrong version?"""

import asyncio
import itertools
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.client import Connection
from bench.figures import quantile
from bench.http import Unanswered
from bench.report import Bar, Section, Table
from bench.servers import Server
from bench.setup import Setup
from bench.swapping.judging import Answer, Switch, failures, last_old, stays, tail_ratio, wrong
from bench.swapping.versions import NAME, TINY_VERSIONS, VERSIONS, copied, spoilt
from models.spec import StoredModel

CALLERS = 8
SECONDS, QUICK_SECONDS = 60.0, 9.0
_POOL = 50
"""Texts that are asked again and again, by every other request; the rest have new ones."""

_PATIENCE = 60.0
"""Seconds in which a switch has to come about."""

REGISTERED, CHAMPION, ROLL_BACK = "registered", "champion", "roll-back"


class NotSwitched(Unanswered):
    """A switch did not come about."""


@dataclass
class Run:
    """What happens while the callers ask."""

    server: Server
    answers: list[Answer] = field(default_factory=list)
    switches: list[Switch] = field(default_factory=list)
    seen: defaultdict[str, asyncio.Event] = field(
        default_factory=lambda: defaultdict(asyncio.Event)
    )
    over: bool = False
    refused: Mapping[str, Any] = field(default_factory=dict)


def run(setup: Setup) -> Section:
    wanted = TINY_VERSIONS if setup.quick else VERSIONS
    seconds = QUICK_SECONDS if setup.quick else SECONDS
    made = sorted(setup.ensure(wanted)[: len(wanted)], key=lambda one: one.created_at)
    with tempfile.TemporaryDirectory(prefix="model-cache-bench-") as folder:
        store, aside = Path(folder) / "models", Path(folder) / "incoming"
        for model in made[:2]:
            copied(model, store)
        newer = copied(made[2], aside)
        broken = spoilt(made[0], aside / "spoilt")
        with setup.server(store=store) as server:
            server.post(f"/models/{NAME}/load")
            setup.say(f"{seconds:g} s, {CALLERS} callers, {len(_PLAN)} switches and a bad one …")
            found = Run(server)
            asyncio.run(_drive(found, made, newer, broken, store / NAME, seconds))
    labels = {one.version: frozenset(one.labels) for one in made}
    return _section(found, made, labels, seconds)


_PLAN = (REGISTERED, CHAMPION, CHAMPION, ROLL_BACK)


async def _drive(
    found: Run,
    made: Sequence[StoredModel],
    newer: Path,
    broken: StoredModel,
    place: Path,
    seconds: float,
) -> None:
    """Switch at even distances: the newest, the oldest, the middle one, the oldest, the bad one."""
    first, middle, newest = (one.version for one in made)
    steps: list[Callable[[], Awaitable[None]]] = [
        lambda: _register(found, newer, place, newest),
        lambda: _name(found, CHAMPION, first),
        lambda: _name(found, CHAMPION, middle),
        lambda: _name(found, ROLL_BACK, first),
        lambda: _name_broken(found, broken, place),
    ]
    texts = (_text(number) for number in itertools.count())
    callers = [asyncio.create_task(_ask(found, texts)) for _ in range(CALLERS)]
    began = time.monotonic()
    try:
        for number, step in enumerate(steps, 1):
            due = began + seconds * number / (len(steps) + 1)
            await asyncio.sleep(due - time.monotonic())
            await step()
        await asyncio.sleep(began + seconds - time.monotonic())
    finally:
        found.over = True
        await asyncio.gather(*callers)


def _text(number: int) -> str:
    new = number % 2
    return f"Please tell me about matter number {number if new else number // 2 % _POOL}."


async def _ask(found: Run, texts: Iterator[str]) -> None:
    async with Connection(found.server.port) as connection:
        while not found.over:
            asked = time.monotonic()
            try:
                answer = await connection.predict(next(texts), NAME)
            except Unanswered as error:
                found.answers.append(Answer(asked, time.monotonic(), f"no answer: {error}"))
                continue
            until = time.monotonic()
            if answer.ok:
                body = answer.json()
                said = (body["model_version"], frozenset(body["probabilities"]))
                found.answers.append(Answer(asked, until, "", *said))
                found.seen[said[0]].set()
            else:
                found.answers.append(Answer(asked, until, answer.failure))


async def _register(found: Run, entry: Path, place: Path, version: str) -> None:
    """Move a whole entry in. Nothing but the server's watching can have noticed it."""
    asked = time.monotonic()
    await asyncio.to_thread(entry.rename, place / entry.name)
    async with asyncio.timeout(_PATIENCE):
        await found.seen[version].wait()
    about = await asyncio.to_thread(found.server.get, f"/models/{NAME}")
    if about["model_info"]["version"] != version:
        raise NotSwitched(f"{version} has answered, but {about['model_info']['version']} is shown")
    found.switches.append(Switch(REGISTERED, version, asked, time.monotonic()))


async def _name(found: Run, how: str, version: str) -> None:
    asked = time.monotonic()
    answer = await _put(found.server, version)
    if answer["swap"] != "done":
        raise NotSwitched(f"{how}: {json.dumps(answer)}")
    found.switches.append(Switch(how, version, asked, time.monotonic()))


async def _name_broken(found: Run, broken: StoredModel, place: Path) -> None:
    """What is reported of it is kept."""
    await asyncio.to_thread(broken.path.rename, place / broken.version)
    answer = await _put(found.server, broken.version)
    shown = await asyncio.to_thread(found.server.get, f"/models/{NAME}/versions")
    [about] = [one for one in shown["versions"] if one["version"] == broken.version]
    found.refused = {
        "swap": answer["swap"],
        "current": answer["current"],
        "swap_failure": (about["swap_failure"] or {}).get("error"),
    }


async def _put(server: Server, version: str) -> dict[str, Any]:
    path = f"/models/{NAME}/aliases/champion"
    return await asyncio.to_thread(server.put, path, {"version": version})


def _section(
    found: Run,
    made: Sequence[StoredModel],
    labels: Mapping[str, frozenset[str]],
    seconds: float,
) -> Section:
    answers, switches = found.answers, found.switches
    mistaken = wrong(answers, stays(made[1].version, switches), labels)
    failed = sum(failures(answers).values())
    kept = found.refused["current"] == switches[-1].to and bool(found.refused["swap_failure"])
    refused = found.refused["swap"] == "failed" and kept
    return Section(
        "swaps",
        note=(
            f"{CALLERS} callers without pause for {seconds:g} s, every other text a new one, the"
            f" rest of {_POOL}. Versions differ in weights and labels. One switch by an entry that"
            " is renamed into the store, where no champion is set; three by the alias, the last"
            " a roll-back; and one to a version whose answers are no numbers. An answer is right"
            " that comes of the old version and was begun before the switch had been confirmed,"
            " or of the new one and ended after it was asked for, with that version's labels."
        ),
        tables=(_traffic(answers, seconds), _switches(answers, switches, labels)),
        bars=(
            Bar("failed requests", "0", failed, met=failed == 0),
            Bar("answers of a wrong version", "0", len(mistaken), met=not mistaken),
            Bar("switches", f"{len(_PLAN)}", len(switches), met=len(switches) == len(_PLAN)),
            Bar("bad versions refused and reported", "1", int(refused), met=refused),
        ),
        data={
            "requests": len(answers),
            "failures": failures(answers),
            "p99_within_1s_of_a_switch_over_p99_elsewhere": tail_ratio(answers, switches),
            "refused": dict(found.refused),
        },
    )


def _traffic(answers: Sequence[Answer], seconds: float) -> Table:
    times = [answer.seconds * 1e3 for answer in answers if not answer.failure]
    columns = ("", "requests", "requests/s", "p50 ms", "p99 ms", "slowest ms")
    figures = (quantile(times, 0.5), quantile(times, 0.99), max(times))
    return Table("Requests", columns, [("all", len(answers), len(answers) / seconds, *figures)])


def _switches(
    answers: Sequence[Answer], switches: Sequence[Switch], labels: Mapping[str, frozenset[str]]
) -> Table:
    rows = list[tuple[object, ...]]()
    for switch in switches:
        version = min(labels[switch.to])[-1]
        old, share = last_old(answers, switch), tail_ratio(answers, [switch])
        rows.append((f"{switch.how}, {version}", switch.done - switch.asked, old, share))
    rows.append(("all", None, None, tail_ratio(answers, switches)))
    columns = ("switch to", "confirmed after s", "last old answer after s", "p99 then ÷ elsewhere")
    return Table("Switches", columns, rows)
