"""A transformers folder, read by torch in a child process: nothing else imports torch.

Safetensors only; code that comes with a model is never run. Raises RegistrationFailed with what
is wrong about the model.
"""

import importlib
import importlib.util
import shutil
from pathlib import Path
from typing import Any

from models.errors import RegistrationFailed

_TO_RUN = ("torch", "transformers", "safetensors")
_TO_EXPORT = (*_TO_RUN, "onnx", "onnxscript")
_SEED = 7


def missing_packages(*, exporting: bool) -> tuple[str, ...]:
    """Those of the torch extra that are not installed; imports none of them."""
    needed = _TO_EXPORT if exporting else _TO_RUN
    return tuple(name for name in needed if importlib.util.find_spec(name) is None)


def write_tokenizer(source: Path, target: Path) -> None:
    if (source / "tokenizer.json").is_file():
        shutil.copyfile(source / "tokenizer.json", target / "tokenizer.json")
        return
    try:
        import_transformers().AutoTokenizer.from_pretrained(
            source, trust_remote_code=False, local_files_only=True
        ).backend_tokenizer.save(str(target / "tokenizer.json"))
    except Exception as error:  # whatever that tokenizer's class raises
        raise RegistrationFailed(
            f"there is no tokenizer.json, and none can be made of the other files: {error}"
        ) from error


def load(source: Path) -> Any:
    """The model in evaluation, refused when any of its weights is not in the checkpoint."""
    model, missing = from_folder("AutoModelForSequenceClassification", source)
    if missing:
        raise RegistrationFailed(
            f"the checkpoint lacks trained weights ({', '.join(missing[:4])}); without them the"
            " answers would be random. Train the classification head and save the model again"
        )
    return _logits_only(model.eval())


def from_folder(auto: str, source: Path) -> tuple[Any, list[str]]:
    """What transformers' class `auto` makes of the folder, and the weights that are not there."""
    transformers = import_transformers()
    try:
        model, told = getattr(transformers, auto).from_pretrained(
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
    return model, sorted(told["missing_keys"]) + sorted(str(k) for k in told["mismatched_keys"])


def _logits_only(model: Any) -> Any:
    """The model as a function of ids and mask. torch's types are unknown where it is not there."""

    def forward(_: Any, input_ids: Any, attention_mask: Any) -> Any:
        return model(input_ids=input_ids, attention_mask=attention_mask).logits

    module = type("Logits", (import_torch().nn.Module,), {"forward": forward})()
    module.model = model
    return module.eval()


def import_torch() -> Any:
    return importlib.import_module("torch")


def import_transformers() -> Any:
    """Quiet: what it would tell is for those who train."""
    transformers = importlib.import_module("transformers")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def example(model: Any, texts: int, length: int) -> tuple[Any, Any]:
    """Token ids from the upper half of the vocabulary, no special ones; the last text is padded."""
    torch = import_torch()
    size = model.model.config.vocab_size
    chance = torch.Generator().manual_seed(_SEED + length)
    ids = torch.randint(size // 2, size, (texts, length), generator=chance)
    mask = torch.ones_like(ids)
    if texts > 1:
        mask[-1, (length + 1) // 2 :] = 0
    return ids, mask


def answer(model: Any, ids: Any, mask: Any) -> Any:
    torch = import_torch()
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
