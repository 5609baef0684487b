"""Trace files: CSV with the header `at,model[,bytes,load_seconds]`, or the same as JSON lines.

`at` is in seconds. Each model's figures have to stand in one of its lines at least; where they
stand in several, the last counts.
"""

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cache.ports import Key
from whatif.errors import WhatIfError
from whatif.trace import Access, Thing, Trace, gather

_FIELDS = ("at", "model", "bytes", "load_seconds")
_NEEDED = frozenset({"at", "model"})
_HEADER = "the first line has to be at,model or at,model,bytes,load_seconds"


@dataclass(frozen=True, slots=True)
class _Line:
    """Where something stands, and what: raises WhatIfError about it."""

    path: Path
    number: int
    values: Mapping[str, object]

    def wrong(self, what: str) -> WhatIfError:
        return WhatIfError(f"{self.path}, line {self.number}: {what}")

    def given(self, name: str) -> bool:
        return self.values.get(name) not in (None, "")

    def seconds(self, name: str, least: float) -> float:
        value = self.values[name]
        try:
            number = float(value) if isinstance(value, str | int | float) else math.nan
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or number < least or isinstance(value, bool):
            raise self.wrong(f"{name} is {value!r}; write a number of seconds")
        return number

    def bytes(self) -> int:
        value = self.values["bytes"]
        try:
            number = int(value) if isinstance(value, str | int) else 0
        except ValueError:
            number = 0
        if number < 1 or isinstance(value, bool):
            raise self.wrong(f"bytes is {value!r}; write a whole number above 0")
        return number

    def name(self) -> Key:
        value = self.values["model"]
        if not isinstance(value, str):
            raise self.wrong(f"model is {value!r}; write its name")
        return value


def read_trace(path: Path, assumed: Thing | None = None) -> Trace:
    """The trace in the file; by its name's end it is `.jsonl` or else CSV. Blocks.

    `assumed` are the figures of models that have none. Raises WhatIfError.
    """
    parse = _json_lines if path.suffix in {".jsonl", ".ndjson"} else _csv_lines
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return _collect(list(parse(path, file)), path, assumed)
    except (OSError, UnicodeDecodeError) as error:
        raise WhatIfError(f"{path} cannot be read ({error}): name a CSV or JSONL file") from error


def _collect(lines: list[_Line], path: Path, assumed: Thing | None) -> Trace:
    accesses: list[Access] = []
    things: dict[Key, Thing] = {}
    first: dict[Key, _Line] = {}
    for line in lines:
        if not (line.given("at") and line.given("model")):
            raise line.wrong("at and model have to be there in every line")
        name = line.name()
        accesses.append(Access(line.seconds("at", -math.inf), name))
        first.setdefault(name, line)
        if line.given("bytes") != line.given("load_seconds"):
            raise line.wrong("bytes and load_seconds come together: write both, or neither")
        if line.given("bytes"):
            things[name] = Thing(line.bytes(), line.seconds("load_seconds", 0.0))
    if not accesses:
        raise WhatIfError(f"{path} has no accesses: write one line for each")
    for name, line in first.items():
        if name not in things and assumed is None:
            raise line.wrong(
                f"nowhere are bytes and load_seconds of {name}: write them in one of its lines,"
                " or say what to assume (--assume-mb, --assume-load-seconds)"
            )
        things.setdefault(name, assumed or things[name])
    return gather(things, accesses)


def _csv_lines(path: Path, file: Iterable[str]) -> Iterator[_Line]:
    rows = csv.reader(file)
    header = [name.strip() for name in next(rows, [])]
    if not _NEEDED <= set(header) <= set(_FIELDS) or len(set(header)) < len(header):
        raise WhatIfError(f"{path}, line 1: {_HEADER}")
    for row in rows:
        if row:
            line = _Line(path, rows.line_num, dict(zip(header, row, strict=False)))
            if len(row) != len(header):
                raise line.wrong(f"{len(row)} values, and the header names {len(header)}")
            yield line


def _json_lines(path: Path, file: Iterable[str]) -> Iterator[_Line]:
    for number, text in enumerate(file, start=1):
        if text.strip():
            line = _Line(path, number, {})
            try:
                values = json.loads(text)
            except ValueError as error:
                raise line.wrong(f"this is no JSON ({error}); write one object a line") from error
            if not isinstance(values, dict) or not set(values) <= set(_FIELDS):
                raise line.wrong(f"write an object with no other names than {', '.join(_FIELDS)}")
            yield _Line(path, number, values)
