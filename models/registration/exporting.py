"""A transformers folder to ONNX, in a child process of registration: the only place with torch.

Called by name through `models.runner.run_in_child`, so arguments and results are what JSON can
say. Raises RegistrationFailed with what is wrong about the model. Safetensors only; code that
comes with a model is never run.
"""

import importlib
import importlib.util
import shutil
import warnings
from pathlib import Path
from typing import Any

from models.errors import RegistrationFailed

TOLERANCE = 1e-4
"""How far a logit of the exported graph may be from torch's."""

NEEDED = ("torch", "transformers", "onnx", "onnxscript", "safetensors")

_INPUTS = ("input_ids", "attention_mask")
_OPSET = 17
_SEED = 7


def missing_packages() -> tuple[str, ...]:
    """Those of the torch extra that are not installed; imports none of them."""
    return tuple(name for name in NEEDED if importlib.util.find_spec(name) is None)


def export_torch(source: str, target: str, max_length: int) -> dict[str, Any]:
    """Write model.onnx (fp32), tokenizer.json and config.json to the folder `target`.

    Batch and sequence length stay free. Returns the `exporter` that did it and the greatest
    `shift` of a logit against torch, at lengths up to `max_length`.
    """
    before, after = Path(source), Path(target)
    after.mkdir(exist_ok=True)
    warnings.simplefilter("ignore")
    _write_tokenizer(before, after)
    shutil.copyfile(before / "config.json", after / "config.json")
    model = _load(before)
    # torch's older exporter takes seconds where the newer takes minutes, but follows one
    # example only: where its graph is not the model at every length, the newer has its turn.
    for exporter in ("torchscript", "dynamo"):
        _export(model, after / "model.onnx", dynamo=exporter == "dynamo")
        shift = _greatest_shift(model, after / "model.onnx", max_length)
        if shift <= TOLERANCE:
            return {"exporter": exporter, "shift": shift}
    raise RegistrationFailed(
        f"the exported graph is not the model: a logit is off by {shift:.2g}, {TOLERANCE:g} is"
        " allowed; export the model to ONNX yourself and register that folder"
    )


def _write_tokenizer(source: Path, target: Path) -> None:
    if (source / "tokenizer.json").is_file():
        shutil.copyfile(source / "tokenizer.json", target / "tokenizer.json")
        return
    try:
        _transformers().AutoTokenizer.from_pretrained(
            source, trust_remote_code=False, local_files_only=True
        ).backend_tokenizer.save(str(target / "tokenizer.json"))
    except Exception as error:  # whatever that tokenizer's class raises
        raise RegistrationFailed(
            f"there is no tokenizer.json, and none can be made of the other files: {error}"
        ) from error


def _load(source: Path) -> Any:
    """The model in evaluation, refused when any of its weights is not in the checkpoint."""
    transformers = _transformers()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        model, told = transformers.AutoModelForSequenceClassification.from_pretrained(
            source,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            attn_implementation="eager",
            dtype="float32",
        )
    except Exception as error:  # whatever transformers raises about a folder
        raise RegistrationFailed(f"transformers cannot load the model: {error}") from error
    missing = sorted(told["missing_keys"]) + sorted(str(key) for key in told["mismatched_keys"])
    if missing:
        raise RegistrationFailed(
            f"the checkpoint lacks trained weights ({', '.join(missing[:4])}); without them the"
            " answers would be random. Train the classification head and save the model again"
        )
    return _logits_only(model.eval())


def _logits_only(model: Any) -> Any:
    """The model as a function of ids and mask. torch's types are unknown where it is not there."""

    def forward(_: Any, input_ids: Any, attention_mask: Any) -> Any:
        return model(input_ids=input_ids, attention_mask=attention_mask).logits

    module = type("Logits", (_torch().nn.Module,), {"forward": forward})()
    module.model = model
    return module.eval()


def _torch() -> Any:
    return importlib.import_module("torch")


def _transformers() -> Any:
    return importlib.import_module("transformers")


def _export(model: Any, path: Path, *, dynamo: bool) -> None:
    torch = _torch()
    path.unlink(missing_ok=True)
    free = {0: "texts", 1: "tokens"}
    if dynamo:
        axes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
        shapes: dict[str, Any] = {"dynamic_shapes": dict.fromkeys(_INPUTS, axes)}
    else:
        shapes = {"dynamic_axes": dict.fromkeys(_INPUTS, free), "opset_version": _OPSET}
    try:
        torch.onnx.export(
            model,
            _example(model, 2, 9),
            str(path),
            input_names=list(_INPUTS),
            output_names=["logits"],
            dynamo=dynamo,
            verbose=False,
            **shapes,
        )
    except Exception as error:  # torch.onnx raises what the model's code raised
        if dynamo:
            raise RegistrationFailed(f"torch cannot export the model: {error}") from error


def _example(model: Any, texts: int, length: int) -> tuple[Any, Any]:
    """Token ids from the upper half of the vocabulary, no special ones; the last text is padded."""
    torch = _torch()
    size = model.model.config.vocab_size
    chance = torch.Generator().manual_seed(_SEED + length)
    ids = torch.randint(size // 2, size, (texts, length), generator=chance)
    mask = torch.ones_like(ids)
    if texts > 1:
        mask[-1, (length + 1) // 2 :] = 0
    return ids, mask


def _answer(model: Any, ids: Any, mask: Any) -> Any:
    torch = _torch()
    try:
        with torch.no_grad():
            logits = model(ids, mask)
    except Exception as error:  # whatever the model's code raises
        raise RegistrationFailed(
            f"the model cannot read {ids.shape[1]} tokens ({error}); set a smaller max_length"
            " for it in the catalogue"
        ) from error
    if not bool(torch.isfinite(logits).all()):
        raise RegistrationFailed("the model's answers are no numbers: its weights are damaged")
    return logits


def _greatest_shift(model: Any, path: Path, max_length: int) -> float:
    """Of a logit, relative to the greatest; infinite when the graph does not run at a length."""
    import onnxruntime as ort  # type: ignore[import-untyped]  # noqa: PLC0415

    worst = 0.0
    for texts, length in ((1, 3), (1, 9), (3, 5), (1, 40), (2, max_length)):
        ids, mask = _example(model, texts, min(length, max_length))
        wanted = _answer(model, ids, mask).numpy()
        feed = dict(zip(_INPUTS, (ids.numpy(), mask.numpy()), strict=True))
        try:
            session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
            [found] = session.run(["logits"], feed)
        except Exception:  # noqa: BLE001  # onnxruntime's errors have no base of their own
            return float("inf")
        if found.shape != wanted.shape:
            return float("inf")
        worst = max(worst, float(abs(found - wanted).max() / max(1.0, abs(wanted).max())))
    return worst
