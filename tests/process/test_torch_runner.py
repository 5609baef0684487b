"""Torch models run in forks of a second fork server, which has torch imported. Needs the extra."""

import asyncio
import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from models.errors import ModelLoadFailed
from models.forkserver import ForkServer
from models.memory import descendants, measure_tree
from models.runner import Runner, run_in_child
from models.runtimes import Runtimes
from tests import tiny
from tests.process.processes import ask, children, lives, living_children, until

pytest.importorskip("torch", exc_type=ImportError)
pytest.importorskip("transformers", exc_type=ImportError)

pytestmark = [pytest.mark.process, pytest.mark.slow]

LONG = 60
"""Seconds: importing torch and transformers takes several on a busy machine."""

SERVICE = """
import asyncio, sys
from pathlib import Path
from models.forkserver import ForkServer
from models.runner import Runner
from tests import tiny

async def main():
    server = await ForkServer.start()
    other = await server.of("pytorch")
    order = tiny.order(Path(sys.argv[1]), engine="pytorch")
    runner = await Runner.start(other, order, timeout=60)
    print(server.pid, other.pid, runner.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_torch_model(tmp_path_factory.mktemp("torch"))


@pytest.fixture
async def torches(forkserver: ForkServer) -> ForkServer:
    """The fork server of torch models; the fixture it depends on closes it."""
    return await forkserver.of("pytorch")


async def test_a_torch_model_is_loaded_and_answers(torches: ForkServer, folder: Path) -> None:
    """With two threads a text, too, which the fork server must not have started."""
    order = tiny.order(folder, engine="pytorch", intra_op=2)
    runner = await Runner.start(torches, order, timeout=LONG)

    one, other = await asyncio.gather(ask(runner, "red"), ask(runner, "blue a b c"))

    assert (runner.device, runner.batch_proof) == ("cpu", True)
    assert sum(one.row.probabilities) == pytest.approx(1)
    assert one.row != other.row
    await runner.close()


async def test_it_has_one_thread_and_the_imports(torches: ForkServer) -> None:
    """A lock that another thread holds at the fork would stay locked in the child for ever."""
    modules = set(await run_in_child(torches, "tests.tiny:loaded_modules", {}, timeout=LONG))

    assert modules >= {"torch", "transformers", "tokenizers", "numpy"}
    assert "transformers.models.bert.modeling_bert" in modules
    assert not modules & {"bentoml", "fastapi", "onnxruntime", "pytest"}
    assert psutil.Process(torches.pid).num_threads() == 1


async def test_it_is_started_when_first_asked_for_and_kept(forkserver: ForkServer) -> None:
    """Planted fault: without the lock each of those who asked at once started one."""
    assert forkserver.has("onnx")
    assert not forkserver.has("pytorch")
    assert await forkserver.of("onnx") is forkserver
    assert forkserver.pids == {forkserver.pid}

    one, other = await asyncio.gather(forkserver.of("pytorch"), forkserver.of("pytorch"))

    assert one is other
    assert forkserver.has("pytorch")
    assert forkserver.pids == {forkserver.pid, one.pid}
    assert len(children()) == 2


async def test_it_is_started_again_when_it_has_died(torches: ForkServer, folder: Path) -> None:
    before = torches.pid
    os.kill(before, signal.SIGKILL)

    runner = await Runner.start(torches, tiny.order(folder, engine="pytorch"), timeout=LONG)

    assert torches.pid != before
    assert [child.pid for child in living_children(torches)] == [runner.pid]
    await runner.close()


async def test_closing_ends_both_and_what_they_forked(folder: Path) -> None:
    forkserver = await ForkServer.start()
    torches = await forkserver.of("pytorch")
    runner = await Runner.start(torches, tiny.order(folder, engine="pytorch"), timeout=LONG)
    pids = [forkserver.pid, torches.pid, runner.pid]

    await forkserver.aclose()

    await until(lambda: not any(map(lives, pids)), "all processes gone")
    await runner.close()
    with pytest.raises(ModelLoadFailed, match="closed"):
        await torches.spawn()


@pytest.mark.parametrize("how", ["closed", "cancelled"])
async def test_one_that_is_still_starting_is_not_left_behind(how: str) -> None:
    """Planted fault: it was kept by a fork server that was closed, and lived on."""
    forkserver = await ForkServer.start()
    starting = asyncio.create_task(forkserver.of("pytorch"))
    await until(lambda: len(children()) == 2, "it starts")

    if how == "cancelled":
        starting.cancel()
    await forkserver.aclose()

    await asyncio.wait([starting])
    assert starting.cancelled() or isinstance(starting.exception(), ModelLoadFailed)
    assert children() == []


def start_service(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """A process like the service with a torch model: both fork servers and the runner."""
    service = subprocess.Popen(
        [sys.executable, "-c", SERVICE, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert service.stdout
    with service.stdout as lines:
        return service, [int(pid) for pid in lines.readline().split()]


async def test_kill_9_of_the_service_leaves_neither(folder: Path) -> None:
    service, pids = start_service(folder)
    assert len(pids) == 3

    service.kill()
    service.wait()

    await until(lambda: not any(map(lives, pids)), "all processes gone")


async def test_both_are_the_services_own_use_and_their_runners_are_not(
    forkserver: ForkServer, torches: ForkServer, folder: Path
) -> None:
    """Planted fault: only the first one's children were runners."""
    runner = await Runner.start(torches, tiny.order(folder, engine="pytorch"), timeout=LONG)

    own, total, anonymous = measure_tree(os.getpid(), forkserver.pids, ())

    assert {forkserver.pid, torches.pid, runner.pid} <= descendants(os.getpid())
    assert anonymous > 0
    assert own < total
    assert total - own == pytest.approx(runner.footprint, rel=0.3)
    await runner.close()


async def test_without_torch_the_load_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path
) -> None:
    """The fork server starts all the same. Planted fault: its import error was in a log only."""
    hidden = tmp_path / "sitecustomize.py"
    hidden.write_text(
        "import importlib.util as u; found = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'torch' else found(name, *more)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    forkserver = await ForkServer.start()
    order = tiny.order(folder, engine="pytorch")

    with pytest.raises(ModelLoadFailed, match=r"missing: torch.* extra named torch"):
        await Runner.start(await forkserver.of("pytorch"), order, timeout=LONG)

    await forkserver.aclose()


async def test_torch_tells_whether_it_has_cuda(forkserver: ForkServer, torches: ForkServer) -> None:
    """By its build; asking starts no CUDA, and so takes nothing of a GPU."""
    built = importlib.import_module("torch").backends.cuda.is_built()

    assert await Runtimes(forkserver).has_cuda("pytorch") == built
    assert psutil.Process(torches.pid).num_threads() == 1
