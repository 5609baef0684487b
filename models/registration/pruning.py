"""What registration has done in a child process: an fp32 graph cut down to what is read of it.

Called by name through `models.runner.run_in_child`, so arguments and results are what JSON can
say. Raises RegistrationFailed with what stood in the way. Needs the onnx package.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from models.engines.quantised import precision as precision_of
from models.errors import RegistrationFailed
from models.registration.compiling import copy_settings

TOLERANCE = 1e-4
"""How far a logit may be from the whole graph's, relative to the greatest."""

_LENGTHS = (3, 40)
_TEXTS = 2
_FEW = 8
"""Token ids that any vocabulary has."""

_INLINE = "inline.data"
"""Where weights go that were in the graph."""

_MORE = "of the last layer more is read than the first token"


def prune_first_token(source: str, target: str, max_length: int) -> dict[str, Any]:
    """Write the folder `source` to `target`, with of the last layer what the first token needs.

    Where that is not all that is read, there is no `target`. Returns its `files`, and `kept`: why
    there are none, else None.
    """
    before, after = Path(source), Path(target)
    precision = precision_of(before / "model.onnx")
    kept = f"it is {precision}" if precision != "fp32" else _prune(before, after, max_length)
    if kept is not None:
        shutil.rmtree(after, ignore_errors=True)
        return {"files": [], "kept": kept}
    return {"files": sorted(file.name for file in after.iterdir()), "kept": None}


def _prune(before: Path, after: Path, max_length: int) -> str | None:
    """Why it was not done."""
    import onnx  # noqa: PLC0415  # only in the child

    from models.registration.pruning_constants import integers_of  # noqa: PLC0415
    from models.registration.pruning_facts import Trial, facts_of  # noqa: PLC0415
    from models.registration.pruning_graph import (  # noqa: PLC0415
        LEAST_PRODUCTS,
        first_token_reads,
        prune,
    )

    model = onnx.load(before / "model.onnx", load_external_data=False)
    if not first_token_reads(model.graph, integers_of(model.graph, str(before))):
        return _MORE
    after.mkdir()
    copy_settings(before, after)
    _put_weights(model, before, after)
    vocabulary = _vocabulary(before)
    if prune(model, facts_of(model, after, vocabulary)) < LEAST_PRODUCTS:
        return _MORE
    onnx.save(model, after / "model.onnx")
    whole, pruned = (Trial(path / "model.onnx", vocabulary) for path in (before, after))
    for length in (*_LENGTHS, max_length):
        shift = pruned.shift(whole, _TEXTS, min(length, max_length))
        if not shift <= TOLERANCE:
            raise RegistrationFailed(f"a logit moved by {shift:.2g}, {TOLERANCE:g} is allowed")
    return None


def _put_weights(model: Any, before: Path, after: Path) -> None:
    """Beside the graph, of which several are written.

    Copies of what was there already, for onnx refuses to read a file that has two links.
    """
    import onnx  # noqa: PLC0415
    from onnx.external_data_helper import (  # noqa: PLC0415
        ExternalDataInfo,
        uses_external_data,
    )

    stored = [entry for entry in model.graph.initializer if uses_external_data(entry)]
    for name in sorted({ExternalDataInfo(entry).location for entry in stored}):
        if Path(name).name != name:
            raise RegistrationFailed(f"its weights are in {name}, outside of its folder")
        shutil.copyfile(before / name, after / name)
    onnx.save(model, after / "model.onnx", save_as_external_data=True, location=_INLINE)


def _vocabulary(folder: Path) -> int:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return int(config.get("vocab_size", _FEW))
