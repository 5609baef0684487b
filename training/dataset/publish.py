"""Writes the rebuilt splits, all of them or none."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from models.labelled.rows import DataError, Row, write_rows
from training.dataset.wanted import Split, file_digest


def publish(splits: Sequence[Split], built: Mapping[str, Sequence[Row]], out: Path) -> list[str]:
    """`train.jsonl` and `test.jsonl` in `out`; a line about each.

    Raises DataError when they cannot be written, or when all rows are there and the bytes are not
    those that were listed.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".part-", dir=out) as folder:
            part = Path(folder)
            lines = [_written(split, built[split.name], part) for split in splits]
            for split in splits:
                name = _name(split)
                (part / name).replace(out / name)
    except OSError as error:
        raise DataError(f"{out} cannot be written: {error}") from error
    return [f"{out / _name(split)}: {line}" for split, line in zip(splits, lines, strict=True)]


def _written(split: Split, rows: Sequence[Row], folder: Path) -> str:
    path = folder / _name(split)
    write_rows(path, rows)
    if len(rows) < len(split.rows):
        return f"{len(rows):,} of {len(split.rows):,} rows"
    if file_digest(path) != split.sha256:
        raise DataError(f"{path.name} is not, byte for byte, what the list of rows was made of")
    return f"{len(rows):,} rows, byte for byte as listed"


def _name(split: Split) -> str:
    return f"{split.name}.jsonl"
