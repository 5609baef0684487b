"""Which folder of themes becomes which file of rows."""

from pathlib import Path

from models.labelled.rows import Row
from training.harmless.compose import compose, read_themes

SEED = 20240611
TEXTS = Path(__file__).parent / "texts"
WRITTEN = Path(__file__).parents[1] / "written"
FOLDERS = {
    "harmless_tuning.jsonl": "tuning",
    "attacks_tuning.jsonl": "attacks_tuning",
    "harmless_train.jsonl": "train",
    "attacks_train.jsonl": "attacks_train",
}
"""By file; a file holds no text of one that stands before it, so that tuning stays unseen."""


def written_files(seed: int = SEED, texts: Path = TEXTS) -> dict[str, list[Row]]:
    """The rows of every file. Raises DataError where a theme file is not in order."""
    files: dict[str, list[Row]] = {}
    for name, folder in FOLDERS.items():
        taken = [row.text for rows in files.values() for row in rows]
        files[name] = compose(read_themes(texts / folder), seed, taken)
    return files
