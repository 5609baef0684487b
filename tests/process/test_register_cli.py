"""`scripts/register` from its command line on, each time a process of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from models.store import ModelStore
from tests.process.desk import colours
from tests.process.hub import COMMIT, hub, silent_hub

pytestmark = pytest.mark.process

COMMAND = [sys.executable, "-m", "models.registration.cli"]


def environment(home: Path, **more: str) -> dict[str, str]:
    """Of a user who has a store of his own and no Hugging Face cache or settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return kept | {"BENTOML_HOME": str(home), "HF_HOME": str(home / "hf"), **more}


def run(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(home, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def registered(home: Path) -> list[str]:
    return [model.name for model in ModelStore(home / "models").list()]


def test_a_folder_is_registered_step_by_step(tmp_path: Path) -> None:
    done = run(tmp_path / "home", "mine", "--source", f"dir:{colours(tmp_path / 'm')}")

    assert done.returncode == 0
    assert done.stdout == ""
    steps = [line.split(maxsplit=1)[0] for line in done.stderr.splitlines() if "…" in line]
    assert steps == ["Pruning", "Optimising", "Reading", "Loading"]
    assert done.stderr.splitlines()[-1].startswith("Registered mine:")
    assert registered(tmp_path / "home") == ["mine"]


def test_a_relative_folder_is_the_callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    colours(tmp_path / "m")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.chdir(tmp_path)

    assert run(tmp_path / "home", "mine", "--source", "dir:m").returncode == 0


def test_a_failure_is_one_clear_line_and_leaves_no_store_entry(tmp_path: Path) -> None:
    failed = run(tmp_path / "home", "mine", "--source", f"dir:{tmp_path / 'none'}")

    assert failed.returncode == 1
    assert failed.stderr == (
        f"error: {tmp_path / 'none'}: the folder cannot be read (No such file or directory);"
        " name one that is there\n"
    )
    assert registered(tmp_path / "home") == []


def test_a_precision_by_hand_goes_before_the_catalogue(tmp_path: Path) -> None:
    catalogue = tmp_path / "mine.toml"
    source = colours(tmp_path / "m")
    catalogue.write_text(f'[models.mine]\norigin = "dir:{source}"\nprecision = "int8"\n')
    configured = {"MODEL_CACHE_CATALOGUE": str(catalogue)}

    refused = run(tmp_path / "home", "mine", **configured)
    done = run(tmp_path / "home", "mine", "--precision", "fp32", **configured)

    assert refused.returncode == 1
    assert "as int8, there is nothing in the graph that could be quantised" in refused.stderr
    assert done.returncode == 0
    assert "Reading" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [[], ["a", "b"], ["mine", "--sauce", "x"], ["mine", "--precision", "int4"]],
)
def test_wrong_usage_is_told_as_such(tmp_path: Path, arguments: list[str]) -> None:
    failed = run(tmp_path / "home", *arguments)

    assert failed.returncode == 2
    assert "usage: scripts/register" in failed.stderr


def test_the_catalogue_that_is_configured_counts(tmp_path: Path) -> None:
    catalogue = tmp_path / "mine.toml"
    catalogue.write_text(f'[models.mine]\norigin = "dir:{colours(tmp_path / "m")}"\n')

    done = run(tmp_path / "home", "mine", MODEL_CACHE_CATALOGUE=str(catalogue))

    assert done.returncode == 0


def test_a_faulty_catalogue_is_a_plain_error(tmp_path: Path) -> None:
    failed = run(tmp_path / "home", "mine", MODEL_CACHE_CATALOGUE=str(tmp_path / "none"))

    assert failed.returncode == 1
    assert "correct the setting `catalogue`" in failed.stderr


def test_a_model_comes_from_the_hub_and_later_from_its_cache(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (colours(tmp_path / "m") / "pytorch_model.bin").write_bytes(b"a pickle, not to be fetched")
    source = ["mine", "--source", "hf:me/mine"]
    with hub("me/mine", tmp_path / "m") as endpoint:
        done = run(home, *source, HF_ENDPOINT=endpoint)

    again = run(home, *source, HF_HUB_OFFLINE="1")

    assert (done.returncode, again.returncode) == (0, 0)
    assert "is registered already" in again.stderr
    assert not list(home.rglob("pytorch_model.bin"))
    [entry] = ModelStore(home / "models").list()
    assert entry.source == "Hugging Face"
    assert f"hf:me/mine@{COMMIT}" in (entry.path / "model.yaml").read_text()


def test_an_export_of_an_encoder_is_not_fetched_beside_its_weights(tmp_path: Path) -> None:
    """Planted fault: all .onnx files were."""
    folder = colours(tmp_path / "m")
    (folder / "model.safetensors").write_bytes(b"weights")
    config = json.loads((folder / "config.json").read_text())
    config |= {"architectures": ["BertForMaskedLM"], "model_type": "bert"}
    (folder / "config.json").write_text(json.dumps(config))
    with hub("me/mine", folder) as endpoint:
        done = run(tmp_path / "home", "mine", "--source", "hf:me/mine", HF_ENDPOINT=endpoint)

    assert "Fetching model.safetensors" in done.stderr
    assert "Fetching model.onnx" not in done.stderr


def test_a_repository_that_the_hub_has_not_is_told(tmp_path: Path) -> None:
    with hub("me/mine", colours(tmp_path / "m")) as endpoint:
        failed = run(tmp_path, "mine", "--source", "hf:me/other", HF_ENDPOINT=endpoint)

    assert failed.returncode == 1
    assert "the hub has no me/other" in failed.stderr


def test_what_is_no_encoder_is_refused_before_its_weights_are_fetched(tmp_path: Path) -> None:
    """Fails when settings are judged only once everything is there."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text('{"architectures": ["GPT2LMHeadModel"]}')
    (tmp_path / "m" / "model.safetensors").write_bytes(b"half a gigabyte")
    with hub("google-bert/bert-base-uncased", tmp_path / "m") as endpoint:
        failed = run(tmp_path / "home", "bert-base-uncased_pretrained", HF_ENDPOINT=endpoint)

    assert failed.returncode == 1
    assert "no trained classification head (its architecture is GPT2LMHeadModel)" in failed.stderr
    assert "Fetching model.safetensors" not in failed.stderr


def test_without_a_hub_the_alternatives_are_named(tmp_path: Path) -> None:
    failed = run(tmp_path, "roberta-base_pretrained", HF_ENDPOINT="http://127.0.0.1:9")

    assert failed.returncode == 1
    for alternative in ("dir:PATH", "HF_ENDPOINT", "HF_HUB_OFFLINE"):
        assert alternative in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.slow
def test_a_hub_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    """Fails, by its time limit, when the client waits for ever."""
    with silent_hub() as endpoint:
        failed = run(tmp_path, "mine", "--source", "hf:me/mine", HF_ENDPOINT=endpoint)

    assert failed.returncode == 1
    assert "cannot be reached" in failed.stderr


def _heed_ctrl_c() -> None:
    """A shell lets what it starts in the background ignore it, and all that this starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing_and_no_process(tmp_path: Path, how: signal.Signals) -> None:
    home = tmp_path / "home"
    command = [*COMMAND, "minilm-l6-v2_trained"]
    with subprocess.Popen(
        command,
        env=environment(home),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_ctrl_c,  # noqa: PLW1509 - it takes no lock
    ) as process:
        assert process.stderr
        assert process.stderr.readline().startswith("Pruning")

        process.send_signal(how)

        # Its end comes when the last child that has it is gone, too.
        assert "interrupted; nothing was registered" in process.stderr.read()
        assert process.wait(30) == 130
    assert registered(home) == []
    assert list((home / ".model-cache-staging").iterdir()) == []
