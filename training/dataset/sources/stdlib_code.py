"""Functions of Python's standard library, as they are and with a task before them."""

import ast
import sysconfig
import tokenize
from collections.abc import Iterator
from pathlib import Path

from models.labelled.rows import DataError

MADE_WITH = "3.11.7"
"""The Python whose functions the rows are; others lack some of them."""

TASKS = (
    "",
    "Add type hints to:\n",
    "Explain this code:\n",
    "Refactor: ",
    "Why does this function fail?\n",
    "Write a unit test for\n",
)


def own() -> Path:
    """The standard library of the Python that runs."""
    return Path(sysconfig.get_path("stdlib"))


def texts(stdlib: Path) -> Iterator[str]:
    """Of all modules right in that folder. Raises DataError."""
    for path in sorted(stdlib.glob("*.py")):
        for function in _functions(path):
            yield from (task + function for task in TASKS)


def _functions(path: Path) -> Iterator[str]:
    """Each function from its `def` to its end, its first line unindented."""
    try:
        with tokenize.open(path) as file:
            source = file.read()
        tree = ast.parse(source)
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    lines = [line.encode() for line in source.split("\n")]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield _segment(lines, node)


def _segment(lines: list[bytes], node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """As `ast.get_source_segment`, which splits the whole file again for each node."""
    last = node.end_lineno or node.lineno
    segment = lines[node.lineno - 1 : last]
    segment[-1] = segment[-1][: node.end_col_offset]
    segment[0] = segment[0][node.col_offset :]
    return b"\n".join(segment).decode()
