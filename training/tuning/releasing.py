"""From a trained folder to the files that ship with the project: one int8 graph of 25 MB at most.

The graph is made as registration makes it (pruned, weights of seven bits), but not optimised:
what is optimised is one version of onnxruntime's own. Needs torch and onnx.
"""

import json
import shutil
import tempfile
from pathlib import Path

from models.errors import ModelError
from models.integrity import file_digest
from models.labelled.rows import DataError
from models.registration.exporting import export_torch
from models.registration.pruning import prune_first_token
from models.registration.quantising import quantise_file

SUMS = "SHA256SUMS.txt"
MOST = 25_000_000
_FILES = ("model.onnx", "tokenizer.json", "config.json", "tokenizer_config.json")
_KEPT = ("id2label", "label2id", "model_type", "pad_token_id", "max_position_embeddings")


def release(trained: Path, target: Path, max_length: int) -> int:
    """Write the model in `trained` to the folder `target`; the bytes of its graph.

    Other files there stay. Raises DataError; then nothing there has changed.
    """
    with tempfile.TemporaryDirectory(prefix="model-cache-release-") as work:
        made = Path(work) / "made"
        try:
            _make(trained, Path(work), made, max_length)
        except ModelError as error:
            raise DataError(f"the model cannot be released: {error}") from error
        size = (made / "model.onnx").stat().st_size
        if size > MOST:
            raise DataError(f"the graph has {size / 1e6:.1f} MB, {MOST / 1e6:.0f} are allowed")
        target.mkdir(parents=True, exist_ok=True)
        sums = "".join(f"{file_digest(made / name)}  {name}\n" for name in sorted(_FILES))
        for name in _FILES:
            shutil.copyfile(made / name, target / name)
        (target / SUMS).write_text(sums, encoding="ascii")
    return size


def _make(trained: Path, work: Path, made: Path, max_length: int) -> None:
    export_torch(str(trained), str(work / "exported"), max_length)
    pruned = prune_first_token(str(work / "exported"), str(work / "pruned"), max_length)
    source = work / ("exported" if pruned["kept"] is not None else "pruned")
    made.mkdir()
    quantise_file(source / "model.onnx", made / "model.onnx")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(trained / name, made / name)
    config = json.loads((trained / "config.json").read_text(encoding="utf-8"))
    kept = {name: config[name] for name in _KEPT if name in config}
    (made / "config.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
