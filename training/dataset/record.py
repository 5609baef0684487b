"""Writes `wanted.txt` anew after rows were added or labelled otherwise.

`python -P -m training.dataset.record FOLDER` reads the folder's `train.jsonl` and `test.jsonl`. It
is how the committed list was made; `scripts/build_dataset` turns the list back into these files.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from models.labelled.rows import DataError
from training.dataset.wanted import WANTED, wanted_text

_USAGE = 2


def main(arguments: Sequence[str], target: Path = WANTED) -> int:
    """The exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -P -m training.dataset.record FOLDER\n")
        return _USAGE
    try:
        text = wanted_text(Path(arguments[0]))
        part = target.with_name(f"{target.name}.part")
        part.write_text(text, encoding="ascii")
        part.replace(target)
    except (DataError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
