"""`python -m training.mining.cli`: hard-negative mining in what the training themes can make.

Many more texts are made than are trained on; those that a trained classifier gets wrong are
written down, to be trained on. Exit codes: 0 done, 1 failed.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from models.labelled.rows import DataError, write_rows
from training.mining.hardest import hardest
from training.mining.pool import pool


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        _mine(options)
    except DataError as error:
        _tell(f"error: {error}")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="training.mining.cli",
        description="Make texts as those of training, and keep what a classifier gets wrong.",
    )
    parser.add_argument("folder", type=Path, help="a folder that scripts/train has made")
    parser.add_argument("--out", type=Path, required=True, help="where the hard texts go")
    parser.add_argument("--times", type=int, default=5, help="as many as in training; %(default)s")
    parser.add_argument("--below", type=float, default=0.6, help="odds that count; %(default)s")
    parser.add_argument("--each", type=int, default=60, help="texts of a theme; %(default)s")
    parser.add_argument("--seed", type=int, default=2, help="%(default)s")
    return parser


def _mine(options: argparse.Namespace) -> None:
    from training.probing.asking import attack_probabilities  # noqa: PLC0415  # torch is slow

    rows = pool(options.times, options.seed)
    _tell(f"asking about {len(rows)} texts …")
    found = hardest(
        rows,
        attack_probabilities(options.folder, [row.text for row in rows]),
        options.below,
        options.each,
    )
    for source, count in Counter(row.source for row in found).most_common():
        sys.stdout.write(f"{count:5}  {source}\n")
    write_rows(options.out, found)
    _tell(f"{len(found)} hard ones written to {options.out}")


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
