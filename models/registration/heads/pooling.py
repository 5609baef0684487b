"""An encoder's last hidden states as one row of features for each text, in a child process.

Safetensors only; code that comes with a model is never run. Raises RegistrationFailed.
"""

from pathlib import Path
from typing import Any

import numpy as np

from models.errors import RegistrationFailed
from models.registration.checkpoint import from_folder, import_torch

_UNUSED = "pooler."
"""Weights that are not asked for: many base checkpoints have none of them."""


def load_encoder(source: Path) -> Any:
    """A torch module of ids and mask: texts x features. Its `model` is the encoder.

    Refused when any weight that is used is not in the checkpoint.
    """
    model, lacking = from_folder("AutoModel", source)
    missing = [key for key in lacking if not key.startswith(_UNUSED)]
    if missing:
        raise RegistrationFailed(
            f"the checkpoint lacks weights of the encoder ({', '.join(missing[:4])}); without them"
            " its answers would be random"
        )
    if getattr(model, "pooler", None) is not None and _has_own_pooler(model):
        model.pooler = None
    return _module("Features", model.eval(), _features(model))


def load_with_head(source: Path, head: Path) -> Any:
    """The encoder and the head in the .npz file `head`: ids and mask to logits."""
    torch = import_torch()
    pooled = load_encoder(source)
    with np.load(head) as found:
        weight, bias = (torch.from_numpy(found[name].astype(np.float32)) for name in _PARTS)
    linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        linear.weight.copy_(weight)
        linear.bias.copy_(bias)

    def forward(_: Any, input_ids: Any, attention_mask: Any) -> Any:
        return linear(pooled(input_ids, attention_mask))

    module = _module("Logits", pooled.model, forward)
    module.linear = linear
    return module.eval()


_PARTS = ("weight", "bias")


def _features(model: Any) -> Any:
    torch = import_torch()

    def forward(_: Any, input_ids: Any, attention_mask: Any) -> Any:
        hidden = model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        kept = attention_mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1.0)
        return torch.cat((mean, hidden[:, 0]), dim=1)

    return forward


def _has_own_pooler(model: Any) -> bool:
    """BERT's and its like, which may go: what comes of it is not read."""
    return type(model.pooler).__name__.endswith("Pooler")


def _module(name: str, model: Any, forward: Any) -> Any:
    """torch's types are unknown where it is not installed."""
    module = type(name, (import_torch().nn.Module,), {"forward": forward})()
    module.model = model
    return module.eval()
