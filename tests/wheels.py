"""Tiny packages with the files that `scripts/build_dataset` reads."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from training.dataset.sources.shared import EXTERNAL


def make_wheel(folder: Path, package: str, version: str, files: Mapping[str, bytes]) -> Path:
    """One that pip takes for a package of that name; the same bytes for the same files."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{package}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
    described = {
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    path = folder / f"{package}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in {**files, **described}.items():
            wheel.writestr(zipfile.ZipInfo(name), content)
    return path


def pin(path: Path) -> str:
    """The line of a requirements file that asks for that wheel."""
    package, version = path.name.split("-")[:2]
    return f"{package}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def neuralchemy(train: list[str | None]) -> dict[str, bytes]:
    """Its three files, of which two have no rows."""
    return {
        f"{EXTERNAL}/neuralchemy/core-{part}.parquet": parquet({"text": texts})
        for part, texts in (("train", train), ("validation", []), ("test", []))
    }


def parquet(columns: Mapping[str, list[str | None]]) -> bytes:
    held = io.BytesIO()
    pq.write_table(pa.table({name: pa.array(c, pa.string()) for name, c in columns.items()}), held)
    return held.getvalue()


def s_labs(train: str) -> dict[str, bytes]:
    """Its three files, of which two have no rows."""
    return {
        f"{EXTERNAL}/s-labs/{part}.csv": f"text,label\n{rows}".encode()
        for part, rows in (("train", train), ("validation", ""), ("test", ""))
    }


def payloads(*texts: str) -> bytes:
    return json.dumps({"payloads": [{"payload": text} for text in texts]}).encode()
