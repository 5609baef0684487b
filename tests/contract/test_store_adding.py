"""Adding to the model store: whole or not at all, whoever else reads and writes."""

import fcntl
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import bentoml
import pytest
from bentoml._internal.models import ModelStore as BentoStore

from models.errors import RegistrationFailed
from models.store import ModelStore
from tests.contract.stores import add, card, contents

WEIGHTS = bytes(3_000_000)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "home" / "models")


def add_what_is_not_there(store: ModelStore) -> None:
    with store.staging() as folder:
        (folder / "entry").mkdir()
        store.add(folder / "entry", card("other", "1", {"model.onnx": "00"}))


def be_interrupted(store: ModelStore) -> None:
    with store.staging() as folder:
        (folder / "half").write_bytes(b"weights")
        raise KeyboardInterrupt


def fill_the_disk(store: ModelStore) -> None:
    with store.staging(), Path("/dev/full").open("wb", buffering=0) as full:
        full.write(b"weights")


def test_adding_an_old_version_again_makes_it_the_newest(store: ModelStore) -> None:
    """Going back to an earlier model must have an effect. Fails without `_renew`."""
    add(store, version="a")
    add(store, version="b")

    again = add(store, version="a")

    assert store.find("mine") == again
    assert again.version == "a"
    assert bentoml.models.get("mine:latest", _model_store=BentoStore(store.path)).tag.version == "a"


def test_adding_the_newest_version_again_changes_nothing(store: ModelStore) -> None:
    add(store)
    before = contents(store)

    add(store)

    assert contents(store) == before


def test_adding_a_damaged_version_again_repairs_it(store: ModelStore) -> None:
    damaged = add(store, data=b"right")
    (damaged.path / "model.onnx").write_bytes(b"wrong")

    store.verify(add(store, data=b"right"))

    assert (damaged.path / "model.onnx").read_bytes() == b"right"


def test_readers_never_see_half_an_entry_while_others_write(store: ModelStore) -> None:
    """Fails, on BentoML's listing, when files are copied in instead of renamed."""
    done = threading.Event()
    seen: set[int] = set()

    def read() -> None:
        bento = BentoStore(store.path)
        while not done.is_set():
            found = store.list()
            seen.add(len(found))
            files = [model.path / "model.onnx" for model in found]
            files += [Path(model.path_of("model.onnx")) for model in bento.list()]
            assert {file.stat().st_size for file in files} == {len(WEIGHTS)}

    add(store, name="first", data=WEIGHTS)
    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for writer in [pool.submit(add, store, f"m{n}", "1", WEIGHTS) for n in range(12)]:
                writer.result()
        finally:
            done.set()
        for reader in readers:
            reader.result()

    assert len(store.list()) == 13
    assert len(seen) > 1


def test_writers_publish_one_after_the_other(store: ModelStore) -> None:
    """Fails without the lock between processes, which ends with the process that holds it."""
    add(store)
    with ThreadPoolExecutor(1) as pool:
        with (store.path / ".model-cache.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            adding = pool.submit(add, store, "other")
            finished, _ = wait([adding], timeout=0.5)
            found = store.find("other")

        assert adding.result(30).name == "other"
    assert (finished, found) == (set(), None)


def test_processes_that_add_the_same_version_at_once_all_succeed(store: ModelStore) -> None:
    code = (
        "import sys; from pathlib import Path; from models.store import ModelStore;"
        "from tests.contract.stores import add; add(ModelStore(Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(store.path)]
    environment = os.environ | {"BENTOML_DO_NOT_TRACK": "True"}

    writers = [subprocess.Popen(command, env=environment) for _ in range(4)]

    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    assert [(model.name, model.version) for model in store.list()] == [("mine", "1")]


def test_a_failed_addition_leaves_the_store_as_it_was(store: ModelStore) -> None:
    """A card that names a file which is not there stands for whatever fails on the way."""
    add(store, version="a")
    before = contents(store)

    with pytest.raises(RegistrationFailed, match="nothing was registered"):
        add_what_is_not_there(store)

    assert contents(store) == before
    assert not (store.path / "other").exists()


def test_an_interrupted_addition_leaves_the_store_as_it_was(store: ModelStore) -> None:
    add(store)
    before = contents(store)

    with pytest.raises(KeyboardInterrupt):
        be_interrupted(store)

    assert contents(store) == before


def test_a_full_disk_is_told_as_such(store: ModelStore) -> None:
    with pytest.raises(RegistrationFailed, match=r"No space left on device.*free some space"):
        fill_the_disk(store)


def test_what_a_killed_writer_left_behind_is_removed_by_the_next(store: ModelStore) -> None:
    add(store)
    staging = store.path.parent / ".model-cache-staging"
    (staging / "new-left").mkdir()
    (staging / "new-used").mkdir()
    used = os.open(staging / "new-used", os.O_RDONLY)
    fcntl.flock(used, fcntl.LOCK_EX)

    add(store, name="other")

    assert [folder.name for folder in staging.iterdir()] == ["new-used"]
    os.close(used)


def test_a_store_on_a_file_system_of_its_own_stages_inside_without_disturbing_bentoml(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is beside a mounted volume cannot be renamed into it."""
    store.path.mkdir(parents=True)
    (store.path.parent / ".model-cache-staging").write_text("no folder can be made here")

    with store.staging() as folder:
        assert folder.is_relative_to(store.path)
        listed = [str(model.tag) for model in BentoStore(store.path).list()]
        assert listed == ["model-cache-staging:work"]
        assert store.list() == ()

    assert add(store) == store.find("mine")
