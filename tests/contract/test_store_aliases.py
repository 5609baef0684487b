"""Aliases in the model store, and BentoML's own commands on a store that has some."""

import os
import subprocess
import sys
from pathlib import Path

import bentoml
import pytest
from bentoml._internal.models import ModelStore as BentoStore

from models.alias_cli import main
from models.aliases import FILE
from models.errors import AliasNotSet, InvalidAlias, ModelNotFound
from models.store import ModelStore
from tests.contract.stores import add


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    store = ModelStore(tmp_path / "models")
    add(store, version="a")
    add(store, version="b", data=b"ww")
    return store


def test_an_alias_is_seen_by_every_reader_of_the_store(store: ModelStore) -> None:
    assert store.set_alias("mine", "champion", "a") is None
    assert store.set_alias("mine", "blue", "b") is None

    assert ModelStore(store.path).aliases() == {"mine": {"champion": "a", "blue": "b"}}


def test_an_alias_is_moved_and_deleted_and_says_what_it_named(store: ModelStore) -> None:
    """Twice is once. Seen failing with the last alias left in the file."""
    named = [store.set_alias("mine", "champion", v) for v in ("a", "b", "b", None, None)]

    assert named == [None, "a", "b", "b", None]
    assert store.aliases() == {}
    assert not (store.path / "mine" / FILE).exists()


@pytest.mark.parametrize(
    ("name", "alias", "version", "error"),
    [
        ("mine", "champion", "c", ModelNotFound),
        ("nobody", "champion", None, ModelNotFound),
        ("../mine", "champion", "a", ModelNotFound),
        ("mine", "latest", "a", InvalidAlias),
        ("mine", "b", "a", InvalidAlias),
    ],
)
def test_what_cannot_be_set_leaves_the_store_as_it_was(
    store: ModelStore, name: str, alias: str, version: str | None, error: type[Exception]
) -> None:
    """An alias is not called as a version is: the reference would mean two."""
    before = sorted(store.path.rglob("*"))
    with pytest.raises(error):
        store.set_alias(name, alias, version)

    assert sorted(store.path.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(store: ModelStore) -> None:
    (store.path / "mine").chmod(0o555)
    try:
        with pytest.raises(AliasNotSet, match="try again"):
            store.set_alias("mine", "champion", "a")
    finally:
        (store.path / "mine").chmod(0o755)


def test_a_file_in_the_way_is_told(store: ModelStore) -> None:
    (store.path / "mine" / FILE).mkdir()
    with pytest.raises(AliasNotSet, match="try again"):
        store.set_alias("mine", "champion", "a")

    assert [model.version for model in store.list()] == ["a", "b"]


def test_a_damaged_file_hides_no_version_and_is_replaced(store: ModelStore) -> None:
    (store.path / "mine" / FILE).write_text('{"champion": ')

    assert store.aliases() == {}
    assert [model.version for model in store.list()] == ["a", "b"]
    store.set_alias("mine", "champion", "a")
    assert store.aliases() == {"mine": {"champion": "a"}}


def test_bentoml_lists_gets_and_deletes_as_if_there_were_no_aliases(store: ModelStore) -> None:
    """Its own code on our store. Planted fault: a folder for them, which broke its listing."""
    store.set_alias("mine", "champion", "a")
    theirs = BentoStore(store.path)

    assert [str(m.tag) for m in bentoml.models.list(_model_store=theirs)] == ["mine:a", "mine:b"]
    assert bentoml.models.get("mine", _model_store=theirs).tag.version == "b"
    bentoml.models.delete("mine:b", _model_store=theirs)
    assert bentoml.models.get("mine:latest", _model_store=theirs).tag.version == "a"
    assert store.aliases() == {"mine": {"champion": "a"}}
    bentoml.models.delete("mine:a", _model_store=theirs)
    assert not (store.path / "mine").exists()
    assert store.aliases() == {}


def test_bentoml_s_command_line_lists_gets_and_deletes(store: ModelStore) -> None:
    """`bentoml models …` in a process of its own, as an operator has it."""
    store.set_alias("mine", "champion", "a")

    listed = _bentoml(store, "list", "-o", "json")
    got = _bentoml(store, "get", "mine:latest", "-o", "json")
    deleted = _bentoml(store, "delete", "mine:b", "-y")

    assert '"mine:a"' in listed
    assert '"mine:b"' in listed
    assert '"b"' in got
    assert "deleted" in deleted
    assert store.aliases() == {"mine": {"champion": "a"}}
    assert [model.version for model in store.list()] == ["a"]


def _bentoml(store: ModelStore, *arguments: str) -> str:
    environment = {
        **os.environ,
        "BENTOML_HOME": str(store.path.parent),
        "BENTOML_DO_NOT_TRACK": "True",
    }
    done = subprocess.run(
        [sys.executable, "-m", "bentoml", "models", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def configured(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    """The store that the command finds."""
    monkeypatch.setattr("models.store._configured_path", lambda: store.path)
    return store


def test_the_command_sets_moves_and_deletes(
    configured: ModelStore, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = (["a"], ["b"], ["--delete"], ["--delete"])
    statuses = [main(["mine", "champion", *rest]) for rest in commands]

    assert statuses == [0, 0, 0, 0]
    assert capsys.readouterr().err.splitlines() == [
        "mine:champion names mine:a.",
        "mine:champion names mine:b (before: mine:a).",
        "mine:champion no longer names mine:b.",
        "mine:champion was not set.",
    ]
    assert configured.aliases() == {}


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["mine", "champion", "c"], 1, "error: Model mine:c not found"),
        (["mine", "latest", "a"], 1, "error: 'latest' is the newest"),
    ],
)
def test_the_command_says_what_is_wrong_in_one_line(
    configured: ModelStore,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    said: str,
) -> None:
    assert main(arguments) == status
    assert capsys.readouterr().err.startswith(said)
    assert configured.aliases() == {}


@pytest.mark.parametrize("arguments", [["mine", "champion"], ["mine", "champion", "a", "--delete"]])
def test_the_command_wants_a_version_or_the_deletion(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
