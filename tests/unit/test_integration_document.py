"""docs/integration.md: what it shows stands in the files, what it lists is all there is."""

import json
import re
import textwrap
from typing import Any

import pytest

from api.problems import TABLE
from examples.model_api.settings import Settings
from tests.files import ROOT
from tests.process.model_api import APP

DOCUMENT = (ROOT / "docs" / "integration.md").read_text(encoding="utf-8")
PIECES: list[tuple[str, str]] = re.findall(
    r"^```python (\S+)\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE
)
NOT_RAISED_YET = {"RATE_LIMITED"}


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    section = DOCUMENT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    table = section[section.index("\n|") :].strip().partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()][
        2:
    ]


@pytest.mark.parametrize(("file", "piece"), PIECES)
def test_each_piece_of_code_stands_in_its_file(file: str, piece: str) -> None:
    """Whatever it is indented by. Seen failing with one figure changed."""
    source = (ROOT / file).read_text(encoding="utf-8")

    assert any(textwrap.indent(piece, " " * depth) in source for depth in range(0, 20, 4))


def test_there_are_pieces_and_the_command_is_the_one_that_the_tests_start() -> None:
    assert len(PIECES) >= 4
    assert " ".join(APP) in DOCUMENT


def shown(default: Any) -> str:
    if isinstance(default, float) and default.is_integer():
        default = int(default)
    return default if isinstance(default, str) else "" if default is None else json.dumps(default)


def test_it_lists_every_setting_of_the_example_with_its_default() -> None:
    """Seen failing with a setting left out."""
    listed = {name.strip("`"): default.strip("`") for name, default, _ in rows("Run the example")}

    assert listed == {
        f"MODEL_API_{name.upper()}": shown(field.default)
        for name, field in Settings.model_fields.items()
    }


def test_it_says_of_every_error_what_to_do() -> None:
    """Seen failing with 500 for MODEL_NOT_REGISTERED."""
    listed = {
        code.strip("` "): int(status)
        for status, codes, *_ in rows("What an error means")
        for code in codes.split(",")
    }

    assert listed == {
        kind.code: kind.status for kind in TABLE.values() if kind.code not in NOT_RAISED_YET
    }
