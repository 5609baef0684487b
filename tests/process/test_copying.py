"""Transformers folders registered for torch: checked by it, and copied. Needs the torch extra."""

from pathlib import Path
from typing import Any

import pytest

from models.catalogue import Catalogue
from models.errors import RegistrationFailed
from models.forkserver import ForkServer
from models.registration import making
from models.spec import ModelSpec, StoredModel
from models.store import ModelStore
from tests.contract.stores import contents
from tests.process.desk import Desk, colours
from tests.process.test_exporting import folder, wanted
from tests.tiny import LABELS

torch = pytest.importorskip("torch", exc_type=ImportError)
transformers = pytest.importorskip("transformers", exc_type=ImportError)

pytestmark = [pytest.mark.process, pytest.mark.slow]

FILES = {"model.safetensors", "config.json", "tokenizer.json"}


@pytest.fixture
def desk(forkserver: ForkServer, tmp_path: Path) -> Desk:
    return Desk(ModelStore(tmp_path / "home" / "models"), forkserver)


async def registered(desk: Desk, path: Path, **asked: Any) -> StoredModel:
    spec = ModelSpec("mine", f"dir:{path}", engine="transformers", **asked)
    desk.catalogue = Catalogue({"mine": spec})
    return await desk.register("mine", None)


def saved(path: Path, change: Any, **how: Any) -> Path:
    """The folder, its model changed and saved again."""
    folder(path, "bert")
    model = transformers.AutoModelForSequenceClassification.from_pretrained(path)
    (path / "model.safetensors").unlink()
    change(model).save_pretrained(path, **how)
    return path


async def test_a_folder_is_registered_for_torch_and_answers_as_torch_does(
    desk: Desk, tmp_path: Path
) -> None:
    path = folder(tmp_path / "m", "bert")

    stored = await registered(desk, path)

    assert (stored.engine, stored.precision, stored.labels) == ("pytorch", "fp32", LABELS)
    assert set(stored.digests) == FILES
    assert stored.compiled is not None
    assert stored.compiled.parity is None
    assert set(stored.compiled.tools) == {"tokenizers", "torch", "transformers"}
    best = max(enumerate(wanted(path, stored.max_length, "red blue")), key=lambda pair: pair[1])
    assert await desk.labels_of(stored, ["red blue"]) == [LABELS[best[0]]]


async def test_a_checkpoint_in_parts_becomes_one_file(desk: Desk, tmp_path: Path) -> None:
    path = saved(tmp_path / "m", lambda model: model, max_shard_size="20KB")
    assert len(list(path.glob("*.safetensors"))) > 1

    stored = await registered(desk, path)

    assert set(stored.digests) == FILES


async def test_half_precision_weights_are_told(desk: Desk, tmp_path: Path) -> None:
    path = saved(tmp_path / "m", lambda model: model.to(torch.bfloat16))

    assert (await registered(desk, path)).precision == "bf16"


async def test_a_precision_that_the_weights_have_not_is_refused(desk: Desk, tmp_path: Path) -> None:
    path = saved(tmp_path / "m", lambda model: model.to(torch.bfloat16))

    with pytest.raises(RegistrationFailed, match="it is bf16, but fp32 is asked for"):
        await registered(desk, path, precision="fp32")


async def test_a_head_of_which_a_weight_is_missing_is_refused(desk: Desk, tmp_path: Path) -> None:
    """And it is said what to do. Planted fault: the files are copied without a look at what torch
    misses in them; the load that tries them out refuses them, too, but does not say that.
    """
    safetensors = pytest.importorskip("safetensors.torch")
    path = folder(tmp_path / "m", "bert")
    weights = safetensors.load_file(path / "model.safetensors")
    del weights["classifier.weight"]
    safetensors.save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    before = contents(desk.store)

    with pytest.raises(
        RegistrationFailed, match=r"lacks .*\(classifier\.weight\).* Train the .* head"
    ):
        await registered(desk, path)

    assert contents(desk.store) == before


async def test_int8_is_not_for_torch(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(RegistrationFailed, match="precision 'int8' is for engine 'onnx'"):
        await registered(desk, folder(tmp_path / "m", "bert"), precision="int8")


async def test_an_onnx_folder_is_not_for_torch(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(RegistrationFailed, match=r"needs \.safetensors weights"):
        await registered(desk, colours(tmp_path / "m"))


async def test_without_torch_the_extra_is_named(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "missing_packages", lambda **_: ("torch",))

    with pytest.raises(
        making.TorchNeeded, match=r"missing: torch\); that is the extra named torch"
    ):
        await registered(desk, folder(tmp_path / "m", "bert"))
