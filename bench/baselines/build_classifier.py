"""Makes a classifier and trains its end a little in the given folder.

Reads an order from stdin: {"source", "kind", "config", "seed", "labels", "tokenizer", "texts",
"topics"}. The encoder is that of the folder `source`, else one of `kind` and `config` with random
weights. Writes torch/ below it, as `save_pretrained` does, and onnx/: its plain export, fp32.
Its last layers are trained on the topics, a batch after another, so that answers are decided;
without texts they stay random, and one label always wins.
"""

import importlib
import json
import sys
import warnings
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

MAX_LENGTH = 128
NAMES = ("input_ids", "attention_mask")
RATE = 1e-4
BATCH = 16
TRAINED_LAYERS = 3
LEAN = 3.0


def main(folder: Path, order: dict[str, Any]) -> None:
    torch = importlib.import_module("torch")
    warnings.simplefilter("ignore")
    model, tokenizer = _model(torch, order), Tokenizer.from_file(order["tokenizer"])
    tokenizer.enable_truncation(MAX_LENGTH)
    if order["texts"]:
        _train(torch, model, tokenizer, order)
    else:
        _lean(torch, model)
    _save(model, order, folder / "torch")
    _export(torch, model, folder / "onnx")


def _model(torch: Any, order: dict[str, Any]) -> Any:
    transformers = importlib.import_module("transformers")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(order["seed"])
    torch.set_num_threads(1)
    labels = dict(enumerate(order["labels"]))
    named = {"id2label": labels, "label2id": {label: n for n, label in labels.items()}}
    family = transformers.AutoModelForSequenceClassification
    if order["source"]:
        model = family.from_pretrained(
            order["source"], local_files_only=True, attn_implementation="eager", **named
        )
    else:
        config = transformers.AutoConfig.for_model(order["kind"], **order["config"], **named)
        model = family.from_config(config, attn_implementation="eager")
    return model.float().eval()


def _train(torch: Any, model: Any, tokenizer: Tokenizer, order: dict[str, Any]) -> None:
    """The head and the last layers, on the topics. A head on the encoder as it is would answer
    correctly too, but dynamic int8 would change its mind.
    """
    for name, weight in model.named_parameters():
        weight.requires_grad = _is_trained(name, model.config.num_hidden_layers)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=RATE)
    model.train()
    for start in range(0, len(order["texts"]), BATCH):
        ids, mask = _batch(torch, tokenizer, order["texts"][start : start + BATCH], model)
        wanted = torch.tensor(order["topics"][start : start + BATCH])
        logits = model(input_ids=ids, attention_mask=mask).logits
        loss = torch.nn.functional.cross_entropy(logits, wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        sys.stderr.write(f"loss {loss.item():.3f}\n")
    model.eval()


def _lean(torch: Any, model: Any) -> None:
    """Towards the first label, so that rounding never changes the answer."""
    with torch.no_grad():
        getattr(model.classifier, "out_proj", model.classifier).bias[0] += LEAN


def _is_trained(name: str, layers: int) -> bool:
    """Whether it is of the head, or of one of the last layers."""
    last = [f"layer.{number}." for number in range(layers - TRAINED_LAYERS, layers)]
    return "classifier" in name or "pooler" in name or any(part in name for part in last)


def _batch(torch: Any, tokenizer: Tokenizer, texts: list[str], model: Any) -> tuple[Any, Any]:
    tokenizer.enable_padding(pad_id=model.config.pad_token_id or 0)
    encodings = tokenizer.encode_batch(texts)
    ids = torch.tensor([encoding.ids for encoding in encodings])
    return ids, torch.tensor([encoding.attention_mask for encoding in encodings])


def _save(model: Any, order: dict[str, Any], folder: Path) -> None:
    model.save_pretrained(folder)
    transformers = importlib.import_module("transformers")
    tokenizer = Tokenizer.from_file(order["tokenizer"])
    tokenizer.no_truncation()
    tokenizer.no_padding()
    pad = next(token for token in ("[PAD]", "<pad>") if tokenizer.token_to_id(token) is not None)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=pad,
        model_max_length=MAX_LENGTH,
        model_input_names=list(NAMES),
    ).save_pretrained(folder)


def _export(torch: Any, model: Any, folder: Path) -> None:
    """The batch and the length stay free."""
    folder.mkdir(parents=True)

    def forward(_: Any, input_ids: Any, attention_mask: Any) -> Any:
        return model(input_ids=input_ids, attention_mask=attention_mask).logits

    module = type("Logits", (torch.nn.Module,), {"forward": forward})()
    module.model = model
    ids = torch.randint(10, model.config.vocab_size, (2, 9))
    torch.onnx.export(
        module.eval(),
        (ids, torch.ones_like(ids)),
        str(folder / "model.onnx"),
        input_names=list(NAMES),
        output_names=["logits"],
        dynamic_axes={name: {0: "texts", 1: "tokens"} for name in NAMES},
        opset_version=17,
        dynamo=False,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.load(sys.stdin))
