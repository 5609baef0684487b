"""Opening the use cases with a real fork server, and closing all of it again."""

import logging
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from models import opening
from models.catalogue import CatalogueError
from models.config import ServingConfig
from models.forkserver import ForkServer
from models.opening import open_serving
from models.serving import Serving
from models.store import ModelStore
from tests.fakes_serving import Audience
from tests.process.processes import until

pytestmark = pytest.mark.process

EMBEDDED = "minilm-l6-v2_trained"
OURS = "models.forkserver_main"


def fork_servers() -> list[int]:
    """Those that this process started, with their runners."""
    family = psutil.Process().children(recursive=True)
    return [process.pid for process in family if _is_ours(process)]


def _is_ours(process: psutil.Process) -> bool:
    try:
        return OURS in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


def registered(store: Path) -> list[str]:
    return [path.name for path in store.iterdir() if not path.name.startswith(".")]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty store in place of the one that BentoML is configured for."""
    path = tmp_path / "models"
    path.mkdir()
    monkeypatch.setattr(opening, "ModelStore", lambda: ModelStore(path))
    return path


def config(**settings: object) -> ServingConfig:
    return ServingConfig(**{"preload_models": (), "warmup_requests": 1, **settings})  # type: ignore[arg-type]


async def test_it_is_ready_with_what_ships_with_the_project_preloaded(
    store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Names of the preload list that cannot be had are warned about, whatever they look like."""
    wanted = ("../x", "not-there", "UPPER:case")
    with caplog.at_level(logging.WARNING):
        async with open_serving(config(preload_models=wanted), Audience()) as serving:
            await until(lambda: serving.ready, "ready")

            view = await serving.describe(EMBEDDED)
            assert (view.loaded, view.warmup_completed) == (True, True)
            assert len(fork_servers()) == 2

    assert [name for name in wanted if name in caplog.text] == list(wanted)
    assert fork_servers() == []


async def test_a_catalogue_that_cannot_be_read_starts_nothing(store: Path, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="cannot be read"):
        async with open_serving(config(catalogue=tmp_path / "missing.toml"), Audience()):
            pass

    assert fork_servers() == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda patch, fail: patch.setattr(ForkServer, "start", fail),
        lambda patch, fail: patch.setattr(opening, "serve_process", fail),
        lambda patch, fail: patch.setattr(Serving, "start", fail),
        lambda patch, fail: patch.setattr(Serving, "system", fail),
    ],
    ids=["no fork server", "before the use cases", "at their start", "after it"],
)
async def test_an_opening_that_fails_halfway_leaves_no_process_and_no_open_file(
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[pytest.MonkeyPatch, object], None],
) -> None:
    """The fork server runs by then; seen failing with its closing left out.

    Fault found: the access journal stayed open, with its thread.
    """

    def fail(*_: object) -> None:
        raise OSError("nothing to be had")

    spoil(monkeypatch, fail)
    with pytest.raises(OSError, match="nothing to be had"):
        async with open_serving(config(), Audience()):
            pass

    assert fork_servers() == []
    assert [file for file in psutil.Process().open_files() if "accesses" in file.path] == []


async def test_a_store_that_cannot_be_written_is_reported_and_the_service_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is registered elsewhere can be served all the same."""
    path = tmp_path / "models"
    path.write_text("a file where a folder should be")
    monkeypatch.setattr(opening, "ModelStore", lambda: ModelStore(path))
    with caplog.at_level(logging.ERROR):
        async with open_serving(config(), Audience()) as serving:
            await until(lambda: serving.ready, "ready")

    assert "the embedded model is not registered" in caplog.text
    assert fork_servers() == []


async def test_closing_while_it_registers_and_preloads_leaves_no_process(store: Path) -> None:
    """And nothing half registered."""
    async with open_serving(config(preload_models=(EMBEDDED,)), Audience()):
        await until(lambda: len(fork_servers()) > 1, "the registration's child")

    assert fork_servers() == []
    assert registered(store) == []


async def test_a_runner_is_killed_and_its_successor_answers(store: Path) -> None:
    """The fork server too: it is started again, and the figures say what happened."""
    async with open_serving(config(preload_models=(EMBEDDED,)), Audience()) as serving:
        await until(lambda: serving.ready, "ready")
        before = (await serving.describe(EMBEDDED)).runner
        assert before is not None
        for pid in fork_servers():
            psutil.Process(pid).kill()

        answer = await serving.predict("What is the capital of France?")
        after = (await serving.describe(EMBEDDED)).runner

        assert answer.label == "benign"
        assert after is not None
        assert (after.restarts, after.pid != before.pid) == (1, True)
        assert serving.ready
