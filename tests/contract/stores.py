"""Small entries for real model stores."""

from typing import Any

from models.card import Card
from models.integrity import file_digest
from models.spec import StoredModel
from models.store import ModelStore


def add(
    store: ModelStore,
    name: str = "mine",
    version: str = "1",
    data: bytes = b"w",
    **details: Any,
) -> StoredModel:
    with store.staging() as folder:
        entry = folder / "entry"
        entry.mkdir()
        (entry / "model.onnx").write_bytes(data)
        (entry / "tokenizer.json").write_bytes(b"{}")
        digests = {file.name: file_digest(file) for file in entry.iterdir()}
        return store.add(entry, card(name, version, digests, **details))


def card(name: str, version: str, digests: dict[str, str], **details: Any) -> Card:
    return Card(
        name=name,
        version=version,
        engine="onnx",
        source="Local",
        labels=("benign", "jailbreak"),
        max_length=128,
        precision="fp32",
        footprint=48_000_000,
        load_seconds=0.25,
        digests=digests,
        details={"origin": "dir:/srv/mine", **details},
    )


def contents(store: ModelStore) -> dict[str, bytes]:
    """Every file of the store but the lock."""
    return {
        str(file.relative_to(store.path.parent)): file.read_bytes()
        for file in store.path.parent.rglob("*")
        if file.is_file() and not file.name.endswith(".lock")
    }
