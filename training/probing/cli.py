"""`python -m training.probing.cli`: finds words that a classifier takes for attacks by themselves.

Writes harmless sentences with each of them, to be trained on. Exit codes: 0 done, 1 failed.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from models.labelled.rows import HARMLESS, DataError, read_rows, write_rows
from training.probing.frames import lessons, probes
from training.probing.words import suspects


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        _probe(options)
    except DataError as error:
        _tell(f"error: {error}")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="training.probing.cli",
        description="Find words that alone make a classifier see an attack, and write lessons.",
    )
    parser.add_argument("folder", type=Path, help="a folder that scripts/train has made")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="what it was made of")
    parser.add_argument("--out", type=Path, required=True, help="where the lessons go")
    parser.add_argument("--words", type=int, default=2000, help="to look at; %(default)s")
    parser.add_argument("--each", type=int, default=4, help="lessons a word; %(default)s")
    parser.add_argument("--above", type=float, default=0.2, help="mean odds; %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="%(default)s")
    return parser


def _probe(options: argparse.Namespace) -> None:
    from training.probing.asking import attack_probabilities  # noqa: PLC0415  # torch is slow

    rows = [row for path in options.data for row in read_rows(path)]
    if all(row.label != HARMLESS for row in rows):
        raise DataError(f"no row has the label {HARMLESS}")
    words = suspects(rows, options.words)
    texts = [text for word in words for text in probes(word)]
    _tell(f"asking about {len(words)} words in {len(texts)} harmless sentences …")
    found = attack_probabilities(options.folder, texts)
    count = len(texts) // max(1, len(words))
    means = {word: sum(found[n * count : (n + 1) * count]) / count for n, word in enumerate(words)}
    biased = sorted((word for word in words if means[word] > options.above), key=means.__getitem__)
    for word in biased[::-1][:40]:
        sys.stdout.write(f"{means[word]:.2f}  {word}\n")
    flagged = sum(value > 0.5 for value in found)  # noqa: PLR2004  # more likely than not
    _tell(f"{flagged} of {len(texts)} flagged; {len(biased)} words above {options.above:g}")
    write_rows(options.out, lessons(sorted(biased), options.each, options.seed))


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
