"""The model store, on a real BentoML store in a folder of its own.

`bentoml` reads BENTOML_HOME when it is imported, so stores of tests in one process are told apart
by an explicit path; that the configured one is found is tested with a process.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import bentoml
import pytest
from bentoml._internal.models import ModelStore as BentoStore

from models.errors import ModelLoadFailed
from models.spec import Compiled, Parity
from models.store import ModelStore
from tests.contract.stores import add


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "home" / "models")


@contextmanager
def bentoml_writes_slowly(store: ModelStore, name: str) -> Iterator[None]:
    """As BentoML's own writers leave a version while they copy it: a folder without model.yaml."""
    with suppress(KeyboardInterrupt), BentoStore(store.path).register(f"{name}:half") as folder:
        Path(folder, "model.onnx").write_bytes(b"half")
        yield
        raise KeyboardInterrupt


def test_what_was_added_is_found_with_all_that_was_said_of_it(store: ModelStore) -> None:
    added = add(store, data=b"weights")

    found = store.find("mine")

    assert found == added
    assert (found.engine, found.source, found.labels) == ("onnx", "Local", ("benign", "jailbreak"))
    assert (found.max_length, found.precision, found.footprint) == (128, "fp32", 48_000_000)
    assert (found.load_seconds, found.size, found.version) == (0.25, 9, "1")
    assert (found.path / "model.onnx").read_bytes() == b"weights"


def test_how_a_model_was_made_is_found_again(store: ModelStore) -> None:
    parity = Parity(0.998, 0.05, 512, "the fp32 graph")

    made = add(store, parity=asdict(parity), tools={"onnx": "1"}, refused={"int8": "3 of 512"})

    assert made.compiled == Compiled(parity, {"onnx": "1"}, {"int8": "3 of 512"})


def test_entries_of_earlier_releases_are_read(store: ModelStore) -> None:
    """They told of parity in other words. Planted fault: every parity is taken for ours."""
    earlier: dict[str, Any] = {
        "parity": {"optimised": 1e-6, "exporter": "dynamo"},
        "tools": {"onnxruntime": "1"},
    }

    assert add(store, "earlier", **earlier).compiled is None
    assert add(store, "bare").compiled is None


def test_bentoml_itself_sees_what_was_added(store: ModelStore) -> None:
    add(store)

    theirs = bentoml.models.get("mine:latest", _model_store=BentoStore(store.path))

    assert theirs.info.labels == {"model-cache": "1"}
    assert theirs.info.metadata["origin"] == "dir:/srv/mine"
    assert Path(theirs.path_of("model.onnx")).read_bytes() == b"w"


def test_a_name_means_its_newest_version_and_older_ones_stay(store: ModelStore) -> None:
    first, second = add(store, version="b"), add(store, version="a")

    assert store.find("mine") == second
    assert store.find("mine", "b") == first
    assert store.list() == (first, second)


def test_models_of_other_people_in_the_same_store_are_not_ours(store: ModelStore) -> None:
    with bentoml.models.create("theirs:1", _model_store=BentoStore(store.path)):
        pass

    assert store.list() == ()
    assert store.find("theirs") is None


@pytest.mark.parametrize("name", ["../../etc/passwd", "a" * 300, "Mine", "mi\0ne", "", "mine:1"])
def test_a_name_that_cannot_be_one_is_not_found(store: ModelStore, name: str) -> None:
    add(store)

    assert store.find(name) is None
    assert store.find("mine", name) is None


def test_a_store_that_does_not_exist_is_empty(store: ModelStore) -> None:
    assert store.list() == ()


def test_a_version_that_another_process_is_copying_in_hides_nothing(store: ModelStore) -> None:
    """Fails when listing goes through BentoML's own, which raises for the whole store."""
    mine, other = add(store), add(store, name="other")

    with bentoml_writes_slowly(store, "mine"):
        assert store.list() == (mine, other)
        assert store.find("mine") == mine
        assert store.find("mine", "half") is None


@pytest.mark.parametrize("text", ["", "labels: [", "labels: {model-cache: '1'}", "\0", "3"])
def test_a_description_that_cannot_be_read_hides_nothing_else(store: ModelStore, text: str) -> None:
    mine, broken = add(store), add(store, name="broken")

    (broken.path / "model.yaml").write_text(text)

    assert store.list() == (mine,)
    assert store.find("broken") is None


def test_a_newest_version_whose_files_are_not_all_there_yet_is_passed_over(
    store: ModelStore,
) -> None:
    """Fails when a description alone makes a version: copies bring it before the weights."""
    whole, copied = add(store, version="a"), add(store, version="b")

    (copied.path / "model.onnx").unlink()

    assert store.find("mine") == whole


def test_an_only_version_with_missing_files_is_found_and_called_damaged(store: ModelStore) -> None:
    damaged = add(store)

    (damaged.path / "model.onnx").unlink()

    assert store.find("mine") == damaged
    with pytest.raises(ModelLoadFailed, match=r"mine:1 is damaged: model\.onnx is missing"):
        store.verify(damaged)


def test_the_store_is_the_one_that_bentoml_is_configured_for(tmp_path: Path) -> None:
    code = "from models.store import ModelStore; print(ModelStore().path)"

    told = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"BENTOML_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout.strip() == str(tmp_path / "models")


def test_what_did_not_change_is_not_read_again(store: ModelStore) -> None:
    """Fails when every listing parses every description again."""
    add(store)

    first, again = store.list(), store.list()

    assert again[0] is first[0]
