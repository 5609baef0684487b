"""Starting runners, what of it remains when it fails, and functions in children of their own."""

import asyncio
import os
from pathlib import Path

import pytest

from models import footprint, oom
from models.errors import LoadOutOfMemory, ModelError, ModelLoadFailed, RunnerDied
from models.forkserver import ForkServer
from models.runner import Runner, run_in_child
from tests import tiny
from tests.process.processes import LONG, descriptors, living_children, until

pytestmark = pytest.mark.process

_MB = 1024 * 1024


def loading(forkserver: ForkServer) -> bool:
    """A child has started the thread that loads."""
    return any(child.num_threads() > 1 for child in living_children(forkserver))


async def test_a_model_that_cannot_be_loaded_says_why_and_leaves_nothing(
    forkserver: ForkServer, tmp_path: Path
) -> None:
    order = tiny.order(tiny.write_model(tmp_path, logits=2))

    with pytest.raises(ModelLoadFailed, match="2 logits, but has 3 labels"):
        await Runner.start(forkserver, order, timeout=LONG)

    assert living_children(forkserver) == []


async def test_a_damaged_graph_is_told_in_the_runtimes_words(
    forkserver: ForkServer, tmp_path: Path
) -> None:
    (tiny.write_model(tmp_path) / "model.onnx").write_bytes(b"no protobuf")

    with pytest.raises(ModelLoadFailed, match=r"InvalidProtobuf: .*model\.onnx"):
        await Runner.start(forkserver, tiny.order(tmp_path), timeout=LONG)


@pytest.mark.parametrize("compiled", [True, False])
async def test_a_load_that_runs_out_of_memory_says_so(
    forkserver: ForkServer, tmp_path: Path, compiled: bool
) -> None:
    """In ONNX Runtime's words, as the trial text is read. Nothing of it is left."""
    order = tiny.order(tiny.write_greedy_model(tmp_path), compiled=compiled)

    with pytest.raises(LoadOutOfMemory):
        await Runner.start(forkserver, order, timeout=LONG)

    assert living_children(forkserver) == []


@pytest.mark.parametrize(("killed", "kind"), [(1, LoadOutOfMemory), (0, ModelLoadFailed)])
async def test_a_death_during_a_load_is_for_want_of_memory_if_the_kernel_killed_meanwhile(
    forkserver: ForkServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    killed: int,
    kind: type[ModelLoadFailed],
) -> None:
    """Whom it killed it does not say; a load that is tried once more does no harm."""
    counts = iter([7, 7 + killed])
    monkeypatch.setattr(oom, "kills", lambda: next(counts))
    order = tiny.order(tiny.write_looping_model(tmp_path, "[UNK]"))
    starting = asyncio.create_task(Runner.start(forkserver, order, timeout=LONG))
    await until(lambda: loading(forkserver), "loading")

    [child] = living_children(forkserver)
    child.kill()

    with pytest.raises(ModelLoadFailed) as failed:
        await starting
    assert type(failed.value) is kind


async def test_a_load_that_takes_too_long_is_ended(forkserver: ForkServer, tmp_path: Path) -> None:
    """The canary text is made of unknown words, over which this model never ends."""
    order = tiny.order(tiny.write_looping_model(tmp_path, "[UNK]"))

    with pytest.raises(ModelLoadFailed, match=r"timed out after 0\.5 s"):
        await Runner.start(forkserver, order, timeout=0.5)

    assert living_children(forkserver) == []


async def test_a_cancelled_load_leaves_nothing(forkserver: ForkServer, tmp_path: Path) -> None:
    """Planted fault: without closing the child on the way out it loaded on for ever."""
    order = tiny.order(tiny.write_looping_model(tmp_path, "[UNK]"))
    starting = asyncio.create_task(Runner.start(forkserver, order, timeout=LONG))
    await until(lambda: loading(forkserver), "loading")

    starting.cancel()
    await asyncio.wait([starting])

    assert starting.cancelled()
    assert living_children(forkserver) == []


async def test_a_runner_that_dies_while_it_loads_is_a_failed_load(
    forkserver: ForkServer, tmp_path: Path
) -> None:
    order = tiny.order(tiny.write_looping_model(tmp_path, "[UNK]"))
    starting = asyncio.create_task(Runner.start(forkserver, order, timeout=LONG))
    await until(lambda: loading(forkserver), "loading")

    living_children(forkserver)[0].kill()

    with pytest.raises(ModelLoadFailed, match="died while it loaded"):
        await starting


async def test_mapped_weights_are_charged_to_each_of_two_runners(
    forkserver: ForkServer, tmp_path: Path
) -> None:
    """While two map one file the unique set size has it nowhere.

    Planted fault: charging private pages alone lost the weights when the second runner came.
    """
    order = tiny.order(tiny.write_heavy_model(tmp_path, 24 * _MB), compiled=True)
    one = await Runner.start(forkserver, order, timeout=LONG)
    alone = one.footprint
    other = await Runner.start(forkserver, order, timeout=LONG)

    together = await one.measure()

    assert 24 * _MB < together == pytest.approx(alone, abs=4 * _MB)
    assert other.footprint == pytest.approx(alone, abs=4 * _MB)
    measured = footprint.rollup(one.pid)
    assert measured.proportional - measured.shared < together - 20 * _MB
    await asyncio.gather(one.close(), other.close())


async def test_a_function_runs_in_a_child_of_its_own(forkserver: ForkServer) -> None:
    result = await run_in_child(forkserver, "shlex:split", {"s": "a 'b c'"}, timeout=LONG)

    assert result == ["a", "b c"]
    assert living_children(forkserver) == []


async def test_a_functions_error_comes_back_with_its_message(forkserver: ForkServer) -> None:
    with pytest.raises(ModelError, match=r"FileNotFoundError: .*nowhere"):
        await run_in_child(forkserver, "os:listdir", {"path": "/nowhere"}, timeout=LONG)


async def test_a_function_that_never_returns_is_ended(forkserver: ForkServer) -> None:
    with pytest.raises(ModelError, match=r"hang timed out after 0\.2 s"):
        await run_in_child(forkserver, "tests.tiny:hang", {}, timeout=0.2)

    assert living_children(forkserver) == []


async def test_a_function_that_kills_its_process_is_an_error(forkserver: ForkServer) -> None:
    with pytest.raises(RunnerDied):
        await run_in_child(forkserver, "tests.tiny:die", {}, timeout=LONG)


async def test_after_fifty_loads_no_descriptor_is_left(
    forkserver: ForkServer, tmp_path: Path
) -> None:
    order = tiny.order(tiny.write_model(tmp_path))
    await (await Runner.start(forkserver, order, timeout=LONG)).close()
    before = [descriptors(os.getpid()), descriptors(forkserver.pid)]

    for _ in range(50):
        await (await Runner.start(forkserver, order, timeout=LONG)).close()

    assert [descriptors(os.getpid()), descriptors(forkserver.pid)] == before
    assert living_children(forkserver) == []
