"""The transformers engine: one classifier run by torch, for what cannot be exported to ONNX.

Importing this imports neither torch nor transformers: they are an extra. Safetensors only; code
that comes with a model is never run, and nothing is looked for outside the folder.
"""

import importlib
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.engines import Row
from models.engines.answers import Matrix
from models.engines.batches import bounds
from models.engines.classifying import Classifying, filled
from models.engines.placing import no_gpu, place
from models.engines.reading import Reader, Window, require
from models.errors import ModelLoadFailed

NEEDED = ("torch", "transformers", "safetensors")

_ARCHITECTURES = ("bert", "distilbert", "roberta", "deberta_v2")
_NO_CUDA = "this torch has no CUDA: install a build of it that has"
_NOT_STARTED = "torch could not start CUDA: see that the driver is new enough for this torch"
_HEADER = 8


class TransformersEngine:
    """`model.safetensors`, `config.json` and `tokenizer.json` of one folder.

    fp32 weights on a CPU stay in the file, which is mapped. Raises ModelLoadFailed when weights,
    labels and device don't fit, or torch is not installed.
    """

    def __init__(
        self,
        path: Path,
        labels: Sequence[str],
        max_length: int,
        *,
        intra_op: int = 1,
        compiled: bool = False,  # noqa: ARG002  # every engine is made alike
        device: str = "cpu",
        max_windows: int = 16,
        harmless: str | None = None,
        dtype: str | None = None,
    ) -> None:
        _require_torch()
        require(path, "model.safetensors", "config.json", "tokenizer.json")
        self.labels = tuple(labels)
        reader = Reader(path, max_length, max_windows)
        self.device = place(device, lambda: _obstacle(device))
        dtype = dtype or dtype_for(self.device, weights_type(path / "model.safetensors"))
        self.batch_proof = dtype == "float32"
        self._pad = reader.pad
        self._torch: Any = importlib.import_module("torch")
        self._torch.set_num_threads(intra_op)
        self._model = _load(path, dtype).to(self.device)
        within = bounds(self.device, max_length, batch_proof=self.batch_proof)
        self._classifying = Classifying(reader, self._run, self.labels, within, harmless)

    def predict(self, texts: Sequence[str]) -> list[Row]:
        return self._classifying.predict(texts)

    def close(self) -> None:
        """Nothing to do: the memory goes with the process."""

    def _run(self, windows: Sequence[Window]) -> Matrix:
        ids = filled([window.ids for window in windows], self._pad)
        mask = filled([[1] * len(window.ids) for window in windows], 0)
        tensor = self._torch.from_numpy
        with self._torch.inference_mode():
            logits = self._model(
                input_ids=tensor(ids).to(self.device), attention_mask=tensor(mask).to(self.device)
            ).logits
            return np.asarray(logits.double().cpu().numpy(), np.float64)


def dtype_for(device: str, weights: str) -> str:
    """What is computed in: the weights' own precision on a GPU, always fp32 on a CPU.

    bf16 is several times slower on CPUs without instructions for it. It is not batch-proof: a
    probability moved by 0.003 between alone and in company.
    """
    return "bfloat16" if weights == "BF16" and device != "cpu" else "float32"


def weights_type(path: Path) -> str:
    """The type, in safetensors' words, that most bytes of the file are of."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(_HEADER), "little")))
    sizes: dict[str, int] = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            sizes[entry["dtype"]] = sizes.get(entry["dtype"], 0) + end - begin
    return max(sizes, key=sizes.__getitem__, default="F32")


def warm_up() -> None:
    """Import what any model needs and run the smallest one once, all in one thread.

    For the fork server: runners then share the code and its pages. Without the extra nothing is
    done; a load will say what is missing. CUDA is not touched, as it does not survive a fork.
    """
    if missing():
        return
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    transformers = _quiet_transformers()
    for name in _ARCHITECTURES:
        importlib.import_module(f"transformers.models.{name}.modeling_{name}")
    config = transformers.BertConfig(
        vocab_size=8,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        max_position_embeddings=8,
    )
    model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    with torch.inference_mode():
        ids = torch.ones((1, 4), dtype=torch.int64)
        model(input_ids=ids, attention_mask=ids)


def missing() -> tuple[str, ...]:
    """The packages of the torch extra that are not installed; imports none of them."""
    return tuple(name for name in NEEDED if importlib.util.find_spec(name) is None)


def _require_torch() -> None:
    if names := missing():
        raise ModelLoadFailed(
            f"the model is run by torch, which is not installed (missing: {', '.join(names)});"
            " install the extra named torch"
        )


def has_cuda() -> bool:
    """Is torch installed, in a build that has it?"""
    if importlib.util.find_spec("torch") is None:
        return False
    return bool(importlib.import_module("torch").backends.cuda.is_built())


def _obstacle(device: str) -> str | None:
    """torch is asked last: that starts CUDA in this process."""
    torch: Any = importlib.import_module("torch")
    if not has_cuda():
        return _NO_CUDA
    return no_gpu(device) or (None if torch.cuda.is_available() else _NOT_STARTED)


def _quiet_transformers() -> Any:
    transformers = importlib.import_module("transformers")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def _load(path: Path, dtype: str) -> Any:
    """The model in evaluation, refused when any of its weights is not in the file."""
    model, told = _quiet_transformers().AutoModelForSequenceClassification.from_pretrained(
        path,
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
        output_loading_info=True,
        dtype=dtype,
    )
    lacking = sorted(told["missing_keys"]) + sorted(str(key) for key in told["mismatched_keys"])
    if lacking:
        raise ModelLoadFailed(
            f"the checkpoint lacks trained weights ({', '.join(lacking[:4])}); without them the"
            " answers would be random"
        )
    return model.eval()
