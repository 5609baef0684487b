"""`scripts/register` from a real MLflow server: both flavours, aliases, and what is refused."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.spec import StoredModel
from models.store import ModelStore
from tests import tiny
from tests.process.hub import silent_hub
from tests.process.mlflow_server import CLIENT, Registry, registry, require_mlflow
from tests.process.test_register_cli import COMMAND, environment, registered, run

pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    require_mlflow()
    with registry(tmp_path_factory.mktemp("mlflow")) as running:
        yield running


def register(home: Path, mlflow: Registry, model: str) -> subprocess.CompletedProcess[str]:
    source = f"mlflow:models:/{model}"
    return run(home, "mine", "--source", source, **mlflow.settings())


def newest(home: Path) -> StoredModel:
    found = ModelStore(home / "models").find("mine")
    assert found is not None
    return found


def nothing_is_left(home: Path) -> bool:
    staged = home / ".model-cache-staging"
    return not registered(home) and (not staged.exists() or not list(staged.iterdir()))


def test_a_graph_is_registered_with_where_it_is_from(mlflow: Registry, tmp_path: Path) -> None:
    """Weights outside of the graph, under a name of MLflow's making, come along."""
    done = register(tmp_path, mlflow, "colours@champion")

    assert done.returncode == 0, done.stderr
    stored = newest(tmp_path)
    assert (stored.source, stored.origin) == ("MLflow", "mlflow:models:/colours@champion")
    assert (stored.revision, stored.license) == ("1", "mit")
    assert stored.labels == tiny.LABELS
    card = (stored.path / "model.yaml").read_text()
    assert "run_id: " in card
    assert "model_id: m-" in card
    assert not list((tmp_path / ".model-cache-staging").iterdir())


def test_a_transformers_model_is_registered(mlflow: Registry, tmp_path: Path) -> None:
    done = register(tmp_path, mlflow, "bert/1")

    assert done.returncode == 0, done.stderr
    stored = newest(tmp_path)
    assert (stored.origin, stored.revision) == ("mlflow:models:/bert/1", "1")
    assert (stored.engine, len(stored.labels)) == ("onnx", len(tiny.LABELS))


def test_an_alias_that_was_moved_gives_a_new_version(mlflow: Registry, tmp_path: Path) -> None:
    """Planted fault: the version that an alias meant taken from what is registered already."""
    register(tmp_path, mlflow, "colours@champion")
    before = newest(tmp_path)

    mlflow.set_alias("colours", "champion", "2")
    done = register(tmp_path, mlflow, "colours@champion")
    mlflow.set_alias("colours", "champion", "1")

    assert done.returncode == 0, done.stderr
    after = newest(tmp_path)
    assert (before.revision, after.revision) == ("1", "2")
    assert before.version != after.version


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("pyfunc/1", "its flavour is python_function and python_model.pkl is a pickle"),
        ("coded/1", "it comes with code (code_paths), which is never run"),
        ("bare/1", "config.json and tokenizer.json not among the model's files"),
        ("none@champion", "MLflow has no model none. Its models: bare, bert, coded, colours"),
        ("colours@nobody", "has the aliases @champion and the versions /1, /2"),
    ],
)
def test_what_cannot_be_registered_is_refused_with_the_reason(
    mlflow: Registry, tmp_path: Path, model: str, reason: str
) -> None:
    failed = register(tmp_path, mlflow, model)

    assert failed.returncode == 1
    assert reason in failed.stderr
    assert nothing_is_left(tmp_path)


def test_links_among_the_artifacts_are_refused(mlflow: Registry, tmp_path: Path) -> None:
    """Fails when MLflow is let copy what a link leads to."""
    [graph] = mlflow.local.rglob("model.onnx")
    outside = shutil.copy(graph, tmp_path / "outside")
    graph.unlink()
    graph.symlink_to(outside)

    failed = register(tmp_path / "home", mlflow, "linked/1")

    assert failed.returncode == 1
    assert "model.onnx is a link" in failed.stderr
    assert nothing_is_left(tmp_path / "home")


def test_without_a_server_the_alternatives_are_named(tmp_path: Path) -> None:
    """A password in the address is not shown."""
    require_mlflow()
    nobody = Registry("http://me:secret@127.0.0.1:9", tmp_path)

    failed = register(tmp_path, nobody, "colours/1")

    assert failed.returncode == 1
    assert "127.0.0.1:9 cannot be reached ([Errno 111] Connection refused)" in failed.stderr
    assert "dir:PATH" in failed.stderr
    assert "secret" not in failed.stderr
    assert nothing_is_left(tmp_path)


def test_a_server_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    require_mlflow()
    with silent_hub() as url:
        failed = run(
            tmp_path, "mine", "--source", "mlflow:models:/colours/1",
            MLFLOW_TRACKING_URI=url, MODEL_CACHE_MLFLOW_PYTHON=str(CLIENT),
            MLFLOW_HTTP_REQUEST_TIMEOUT="1", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0",
        )  # fmt: skip

    assert failed.returncode == 1
    assert "cannot be reached" in failed.stderr
    assert nothing_is_left(tmp_path)


def test_an_interruption_ends_the_client_and_leaves_nothing(tmp_path: Path) -> None:
    """Fails when the client outlives the registration: standard error then stays open."""
    require_mlflow()
    with silent_hub() as url:
        settings = {"MLFLOW_TRACKING_URI": url, "MODEL_CACHE_MLFLOW_PYTHON": str(CLIENT)}
        with subprocess.Popen(
            [*COMMAND, "mine", "--source", "mlflow:models:/colours/1"],
            env=environment(tmp_path, **settings),
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr
            assert process.stderr.readline().startswith("Asking MLflow")

            process.send_signal(signal.SIGTERM)

            assert "interrupted; nothing was registered" in process.stderr.read()
            assert process.wait(30) == 130
    assert nothing_is_left(tmp_path)


def test_what_is_missing_is_told_by_an_exit_code_of_its_own(tmp_path: Path) -> None:
    """4: `scripts/register` makes the environment then, and asks again."""
    failed = run(
        tmp_path, "mine", "--source", "mlflow:models:/m/1", MLFLOW_TRACKING_URI="http://127.0.0.1:9"
    )

    assert failed.returncode == 4
    assert "MODEL_CACHE_MLFLOW_PYTHON" in failed.stderr


def test_a_registry_has_to_be_named(tmp_path: Path) -> None:
    failed = run(tmp_path, "mine", "--source", "mlflow:models:/m/1", MLFLOW_TRACKING_URI="")

    assert failed.returncode == 1
    assert "set MLFLOW_TRACKING_URI" in failed.stderr
