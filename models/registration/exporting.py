"""A transformers folder to ONNX, in a child process of registration.

Called by name through `models.runner.run_in_child`, so arguments and results are what JSON can
say. Raises RegistrationFailed with what is wrong about the model.
"""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.errors import RegistrationFailed
from models.registration.checkpoint import answer, example, import_torch, load, write_tokenizer
from models.registration.heads.pooling import load_with_head

TOLERANCE = 1e-4
"""How far a logit of the exported graph may be from torch's."""

_INPUTS = ("input_ids", "attention_mask")
_OPSET = 17


def export_torch(
    source: str, target: str, max_length: int, head: str | None = None, labels: Sequence[str] = ()
) -> dict[str, Any]:
    """Write model.onnx (fp32), tokenizer.json and config.json to the folder `target`.

    Batch and sequence length stay free. Returns the `exporter` that did it, the greatest `shift`
    of a logit against torch, at lengths up to `max_length`, and the `files`. `head` is the
    file of one that was fitted for the encoder, with `labels`; without it the model has its own.
    """
    before, after = Path(source), Path(target)
    after.mkdir()
    warnings.simplefilter("ignore")
    write_tokenizer(before, after)
    _write_config(before, after, labels)
    model = load(before) if head is None else load_with_head(before, Path(head))
    # torch's older exporter takes seconds where the newer takes minutes, but follows one
    # example only: where its graph is not the model at every length, the newer has its turn.
    for exporter in ("torchscript", "dynamo"):
        _export(model, after / "model.onnx", dynamo=exporter == "dynamo")
        shift = _greatest_shift(model, after / "model.onnx", max_length)
        if shift <= TOLERANCE:
            files = sorted(file.name for file in after.iterdir())
            return {"exporter": exporter, "shift": shift, "files": files}
    raise RegistrationFailed(
        f"the exported graph is not the model: a logit is off by {shift:.2g}, {TOLERANCE:g} is"
        " allowed; export the model to ONNX yourself and register that folder"
    )


def _write_config(before: Path, after: Path, labels: Sequence[str]) -> None:
    """As it is, but for `labels`, which an encoder's has not."""
    config = json.loads((before / "config.json").read_text(encoding="utf-8"))
    if labels:
        config["id2label"] = dict(enumerate(labels))
        config["label2id"] = {label: place for place, label in enumerate(labels)}
    (after / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")


def _export(model: Any, path: Path, *, dynamo: bool) -> None:
    torch = import_torch()
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
            example(model, 2, 9),
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


def _greatest_shift(model: Any, path: Path, max_length: int) -> float:
    """Of a logit, relative to the greatest; infinite when the graph does not run at a length."""
    import onnxruntime as ort  # type: ignore[import-untyped]  # noqa: PLC0415

    worst = 0.0
    for texts, length in ((1, 3), (1, 9), (3, 5), (1, 40), (2, max_length)):
        ids, mask = example(model, texts, min(length, max_length))
        wanted = answer(model, ids, mask).numpy()
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
