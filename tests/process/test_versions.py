"""Champions are switched under traffic, on a whole service with two versions of a real model."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.swapping.versions import spoilt
from models.card import YAML
from models.store import ModelStore
from tests.process.registered import EMBEDDED_FOLDER, register_as
from tests.process.server import ROOT, Server, served

SERVICE = "service:ModelCache"
MINE = "mine"
GROWN = "grown"
CHAMPION = f"/models/{MINE}/aliases/champion"
CALLERS = 4

pytestmark = [pytest.mark.process, pytest.mark.slow]


@dataclass(frozen=True, slots=True)
class Running:
    """A service with two versions. The newer one has a label of another name."""

    server: Server
    home: Path
    old: str
    new: str

    def label_of(self, version: str) -> str:
        return {self.old: "jailbreak", self.new: "escape"}[version]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("versions")
    other = shutil.copytree(EMBEDDED_FOLDER, folder / "other")
    config = other / "config.json"
    text = config.read_text(encoding="utf-8").replace("jailbreak", "escape")
    config.write_text(text, encoding="utf-8")
    register_as(folder / "home", MINE)
    register_as(folder / "home", MINE, folder=other)
    with served(SERVICE, folder, MODEL_CACHE_PRELOAD_MODELS="[]") as server:
        listed = server.get(f"/models/{MINE}/versions").json()["versions"]
        new, old = (one["version"] for one in listed)
        yield Running(server, folder / "home", old, new)


@dataclass
class Traffic:
    """Of each answer: when it was asked for, status, version, labels. `waited`: for a load."""

    name: str = MINE
    waited: int = 0
    answers: list[tuple[float, int, str, frozenset[str]]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)


async def _ask(client: httpx.AsyncClient, traffic: Traffic, over: asyncio.Event, who: int) -> None:
    number = 0
    while not over.is_set():
        number += 1
        asked = time.monotonic()
        params = {
            "text": f"caller {who} asks for the {number % 50}th time",
            "model_name": traffic.name,
        }
        response = await client.post("/predict", params=params)
        body = response.json()
        labels = frozenset(body.get("probabilities", ()))
        version = body.get("model_version", "")
        traffic.answers.append((asked, response.status_code, version, labels))
        traffic.waited += not body.get("cache_hit")
        traffic.news.set()


async def _switch(running: Running, targets: list[str]) -> tuple[Traffic, list[dict[str, Any]]]:
    """Set each champion under traffic. Of each swap: what it answered, when it began and ended."""
    traffic, over, swaps = Traffic(), asyncio.Event(), []
    async with httpx.AsyncClient(base_url=running.server.url, timeout=60) as client:
        callers = [asyncio.create_task(_ask(client, traffic, over, who)) for who in range(CALLERS)]
        for target in targets:
            await _more(traffic, 20)
            swap = (await client.put(CHAMPION, json={"version": target})).json()
            swaps.append({**swap, "ended": time.monotonic()})
            probe = await client.post("/predict", params={"text": "hello", "model_name": MINE})
            swaps[-1]["probe"] = probe.json()["model_version"]
        await _more(traffic, 20)
        over.set()
        await asyncio.gather(*callers)
    return traffic, swaps


async def _more(traffic: Traffic, count: int) -> None:
    """Return when so many more answers have come."""
    enough = len(traffic.answers) + count
    async with asyncio.timeout(60):
        while len(traffic.answers) < enough:
            traffic.news.clear()
            await traffic.news.wait()


def test_champions_are_switched_back_and_forth_and_no_request_fails(
    running: Running, show: Callable[[str], None]
) -> None:
    """What is asked after a swap is answered by the new champion, with the labels of its own.

    Planted faults: the old champion let go before the new one was loaded, so that requests waited
    for that; the alias written and nothing done; another version told than the one that answered.
    """
    running.server.post(f"/models/{MINE}/load")
    targets = [running.old, running.new] * 3

    traffic, swaps = asyncio.run(_switch(running, targets))

    assert [swap["swap"] for swap in swaps] == [*["done"] * 6]
    assert [swap["probe"] for swap in swaps] == targets
    assert {status for _, status, _, _ in traffic.answers} == {200}
    assert traffic.waited == 0
    assert all(running.label_of(version) in labels for _, _, version, labels in traffic.answers)
    assert {version for _, _, version, _ in traffic.answers} == {running.old, running.new}
    last = [version for asked, _, version, _ in traffic.answers if asked > swaps[-1]["ended"]]
    assert set(last) == {targets[-1]}
    show(f"6 swaps, {len(traffic.answers)} answers, none failed")


async def _copy_in(source: Path, target: Path, traffic: Traffic, old: str) -> None:
    """The description first; a half of each file before the whole."""
    await asyncio.to_thread(target.mkdir)
    names = sorted(await asyncio.to_thread(os.listdir, source), key=lambda name: name != YAML)
    for name in names:
        data = await asyncio.to_thread((source / name).read_bytes)
        await asyncio.to_thread((target / name).write_bytes, data[: len(data) // 2])
        await _more(traffic, 20)
        assert {version for *_, version, _ in traffic.answers} == {old}
        await asyncio.to_thread((target / name).write_bytes, data)


async def _grow(running: Running, place: Path, broken: Path) -> Traffic:
    """Copy the newer version in under traffic; then a whole one that fails its samples."""
    source = running.home / "models" / MINE / running.new
    traffic, over = Traffic(GROWN), asyncio.Event()
    async with httpx.AsyncClient(base_url=running.server.url, timeout=60) as client:
        callers = [asyncio.create_task(_ask(client, traffic, over, who)) for who in range(CALLERS)]
        await _copy_in(source, place / running.new, traffic, running.old)
        while traffic.answers[-1][2] != running.new:
            await _more(traffic, 1)
        await asyncio.to_thread(broken.rename, place / broken.name)
        versions = f"/models/{GROWN}/versions"
        while (await client.get(versions)).json()["versions"][0]["swap_failure"] is None:
            await _more(traffic, 5)
        await _more(traffic, 20)
        over.set()
        await asyncio.gather(*callers)
    return traffic


def test_a_newer_version_takes_the_name_when_it_is_whole_and_one_that_fails_never(
    running: Running, tmp_path: Path, show: Callable[[str], None]
) -> None:
    """Without a request that fails or waits, or anything being asked of the service.

    Planted faults: nobody watched the store; a version was taken that was described and not whole.
    """
    store = running.home / "models"
    place = store / GROWN
    shutil.copytree(store / MINE / running.old, place / running.old)
    good = ModelStore(store).find(GROWN, running.old)
    assert good is not None
    broken = spoilt(good, tmp_path / "spoilt")
    load = f"/models/{GROWN}/load"
    # A listing that began while the folder was copied counts for a second.
    running.server.wait_until(lambda: running.server.post(load).is_success)

    traffic = asyncio.run(_grow(running, place, broken.path))
    shown = running.server.get(f"/models/{GROWN}/versions").json()

    assert {status for _, status, _, _ in traffic.answers} == {200}
    assert traffic.waited == 0
    assert all(running.label_of(version) in labels for _, _, version, labels in traffic.answers)
    assert {version for _, _, version, _ in traffic.answers} == {running.old, running.new}
    assert (shown["current"], traffic.answers[-1][2]) == (running.new, running.new)
    assert "not a number" in shown["versions"][0]["swap_failure"]["error"]
    show(f"{len(traffic.answers)} answers, none failed")


def test_an_alias_set_offline_is_followed(running: Running) -> None:
    """`scripts/alias` writes the store of a running service."""
    running.server.post(f"/models/{MINE}/load")
    before = running.server.get(f"/models/{MINE}/versions").json()["current"]
    target = running.old if before == running.new else running.new
    done = subprocess.run(
        [sys.executable, "-P", "-m", "models.alias_cli", MINE, "champion", target],
        env={**os.environ, "BENTOML_HOME": str(running.home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    def is_current() -> bool:
        answer = running.server.post("/predict", text="hello", model_name=MINE).json()
        return bool(answer["model_version"] == target)

    running.server.wait_until(is_current)


def test_versions_and_aliases_are_shown_and_named(running: Running) -> None:
    """Every spelling of a reference, on the real service."""
    server = running.server
    httpx.put(server.url + CHAMPION, json={"version": running.old}, timeout=60)
    body = server.get(f"/models/{MINE}/versions").json()
    spellings = ("mine", "mine:champion", "mine@champion", f"mine:{running.old}", "mine:latest")
    answers = [server.post("/predict", text="hello", model_name=n).json() for n in spellings]
    removed = httpx.delete(server.url + CHAMPION, timeout=60).json()

    assert [v["version"] for v in body["versions"]] == [running.new, running.old]
    assert [v["current"] for v in body["versions"]] == [False, True]
    assert [v["aliases"] for v in body["versions"]] == [["latest"], ["champion"]]
    assert [a["model_version"] for a in answers] == [*[running.old] * 4, running.new]
    assert (removed["current"], removed["swap"]) == (running.new, "done")
