"""What a service remembers across a restart, and how it ends while somebody reads its events."""

from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from bench.swapping.versions import spoilt
from models.store import ModelStore
from tests.process.registered import register_copies
from tests.process.server import Server, served

SERVICE = "service:ModelCache"
JOURNAL = Path("home", "model-cache", "accesses.sqlite3")

pytestmark = [pytest.mark.process, pytest.mark.slow]


def loaded(server: Server) -> list[str]:
    """The models in the order in which they were loaded."""
    events = server.get("/events").json()["events"]
    return [e["model"].partition(":")[0] for e in events if e["event"] == "load_finished"]


def test_after_a_restart_the_working_set_comes_back_the_most_used_first(tmp_path: Path) -> None:
    """Fault planted: `restore` was not called; another: in the order of the names."""
    rare, common, unused = register_copies(tmp_path / "home", 3)
    with served(SERVICE, tmp_path, MODEL_CACHE_PRELOAD_MODELS="[]") as first:
        for name, times in ((rare, 1), (common, 5)):
            for number in range(times):
                assert first.post("/predict", text=f"t {number}", model_name=name).is_success
        assert first.stop() == 0

    with served(SERVICE, tmp_path, MODEL_CACHE_PRELOAD_MODELS="[]") as second:
        second.wait_until(lambda: len(loaded(second)) >= 2)
        order = loaded(second)
        cached = second.get(f"/models/{unused}").json()["cached"]

    assert order == [common, rare]
    assert not cached


def test_a_journal_that_is_damaged_is_put_aside_and_the_service_starts_without(
    tmp_path: Path,
) -> None:
    """The log says so. Fault planted: the error of the read went through to the start."""
    journal = tmp_path / JOURNAL
    journal.parent.mkdir(parents=True)
    journal.write_bytes(b"no database at all" * 1000)

    with served(SERVICE, tmp_path, MODEL_CACHE_PRELOAD_MODELS="[]") as server:
        answer = server.post("/predict", text="hello")

    assert answer.is_success
    assert "corrupt" in server.log
    assert journal.is_file()
    assert [path.name for path in journal.parent.glob("*corrupt*")]


def test_a_version_that_failed_its_samples_is_not_served_after_a_restart(tmp_path: Path) -> None:
    """Fault found: what was held against it was forgotten, and a restart served it."""
    [name] = register_copies(tmp_path / "home", 1)
    store = tmp_path / "home" / "models"
    good = ModelStore(store).find(name)
    assert good is not None
    broken = spoilt(good, tmp_path / "spoilt")

    def newest(server: Server) -> dict[str, Any]:
        found: dict[str, Any] = server.get(f"/models/{name}/versions").json()["versions"][0]
        return found

    with served(SERVICE, tmp_path, MODEL_CACHE_PRELOAD_MODELS="[]") as first:
        first.post(f"/models/{name}/load")
        broken.path.rename(store / name / broken.version)
        first.wait_until(lambda: newest(first)["swap_failure"] is not None)
        assert first.stop() == 0
    with served(SERVICE, tmp_path, MODEL_CACHE_PRELOAD_MODELS="[]") as second:
        answer = second.post("/predict", text="hello", model_name=name).json()
        shown = newest(second)

    assert answer["model_version"] == good.version
    assert (shown["version"], shown["swap_failure"]["held"]) == (broken.version, True)


def test_an_open_stream_of_events_tells_of_a_load_and_does_not_hold_up_the_end(
    tmp_path: Path,
) -> None:
    """Fault planted: the stream went on when the service was told to stop."""
    with served(SERVICE, tmp_path, MODEL_CACHE_PRELOAD_MODELS="[]") as server:
        lines: list[str] = []
        reader = Thread(target=_read, args=(server.url, lines))
        reader.start()
        server.wait_until(lambda: bool(lines))
        assert server.post("/predict", text="hello").is_success
        server.wait_until(lambda: "event: load_finished" in lines)
        status = server.stop()
        reader.join(5)

    assert status == 0
    assert not reader.is_alive()
    assert "Traceback" not in server.log


def _read(url: str, lines: list[str]) -> None:
    with httpx.stream("GET", f"{url}/events?stream=true", timeout=60) as stream:
        lines.extend(stream.iter_lines())
