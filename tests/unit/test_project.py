"""What holds of the project's files as a whole."""

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.problems import TABLE
from api.settings import Settings
from tests.files import MACHINE_PATH, ROOT, tracked

PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("core", "test", "torch", "gpu")


@dataclass(frozen=True, slots=True)
class Locked:
    """One entry of a lock."""

    version: str
    hashes: frozenset[str]


def lock_text(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")


def locked(text: str) -> dict[str, Locked]:
    """Read a lock: normalised name to version and hashes."""
    joined = text.replace("\\\n", " ")
    entries = (line for line in joined.splitlines() if re.match(r"[A-Za-z0-9]", line))
    return {
        normalised(entry.partition("==")[0]): Locked(
            entry.partition("==")[2].split()[0],
            frozenset(re.findall(r"--hash=(\S+)", entry)),
        )
        for entry in entries
    }


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower().strip()


def foreign_lines(text: str) -> list[str]:
    """Lines of a lock that are neither a requirement, nor a hash, nor a comment."""
    allowed = re.compile(r"[a-z0-9][\w.-]*==\S+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?|\s*#.*|")
    return [line for line in text.splitlines() if not allowed.fullmatch(line) or "://" in line]


def pinned(*groups: str) -> dict[str, str]:
    """Read the exact versions that pyproject.toml asks for: its dependencies and these extras."""
    extras = PYPROJECT["project"]["optional-dependencies"]
    lines = [line for group in groups for line in extras[group]]
    pins = (line.split("==") for line in (*PYPROJECT["project"]["dependencies"], *lines))
    return {normalised(name): version for name, version in pins}


@pytest.mark.parametrize("name", LOCKS)
def test_each_locked_package_has_hashes_and_no_lock_names_an_index(name: str) -> None:
    """A planted "--index-url https://…" and a package without a hash were seen failing."""
    text = lock_text(name)

    assert foreign_lines(text) == []
    assert [package for package, entry in locked(text).items() if not entry.hashes] == []


def test_the_locks_hold_the_versions_of_pyproject() -> None:
    """Seen failing with another version of numpy in pyproject.toml."""
    test = locked(lock_text("test"))
    torch = {name: version for name, version in pinned("torch").items() if name != "torch"}
    lower = {**test, **locked(lock_text("torch"))}
    gpu = locked(lock_text("gpu"))
    on_gpu = {
        name: version for name, version in pinned("torch", "gpu").items() if name != "onnxruntime"
    }

    assert {name: locked(lock_text("core"))[name].version for name in pinned()} == pinned()
    assert {name: test[name].version for name in pinned("test")} == pinned("test")
    assert {name: lower[name].version for name in torch} == torch
    assert {name: gpu[name].version for name in on_gpu} == on_gpu


def test_a_package_is_the_same_in_every_lock() -> None:
    """Else one installation would undo the other. Seen failing with one hash changed."""
    core, test, torch, gpu = (locked(lock_text(name)) for name in LOCKS)
    other = {"onnxruntime"}

    assert {name: test.get(name) for name in core} == core
    assert {name: gpu.get(name) for name in core.keys() - other} == {
        name: core[name] for name in core.keys() - other
    }
    assert {name: torch[name] for name in torch if name in test} == {
        name: test[name] for name in torch if name in test
    }


def is_sample(path: Path) -> bool:
    """Texts to train on and to judge by, among them attacks on files of all kinds."""
    return path.suffix == ".jsonl" or path.is_relative_to("training/harmless/texts")


def test_no_tracked_file_names_a_place_on_somebodys_machine() -> None:
    """Seen failing with a path below a home folder in a comment."""
    found = [
        f"{path}:{number}: {line.strip()[:120]}"
        for path in tracked()
        if path.suffix not in {".onnx", ".json", ".svg", ".png"} and not is_sample(path)
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1)
        if MACHINE_PATH.search(line) or (str(ROOT) in line and len(ROOT.parts) > 2)
    ]

    assert found == []


def test_every_link_of_the_documents_leads_somewhere() -> None:
    """Seen failing with a link to a file that is not there."""
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    links = [
        (path, link)
        for path in documents
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    ]

    assert [f"{p.name}: {link}" for p, link in links if not (p.parent / link).exists()] == []


@pytest.mark.parametrize(
    "script",
    [
        "scripts/alias",
        "scripts/bench",
        "scripts/build_dataset",
        "scripts/check",
        "scripts/container_smoke",
        "scripts/evaluate",
        "scripts/generate_harmless",
        "scripts/lib/baselines.sh",
        "scripts/lock",
        "scripts/register",
        "scripts/screenshots",
        "scripts/serve",
        "scripts/simulate",
        "scripts/test",
        "scripts/train",
        "scripts/whatif",
        ".ci/run",
    ],
)
def test_commands_are_executable_and_strict(script: str) -> None:
    path = ROOT / script
    text = path.read_text(encoding="utf-8")

    assert path.stat().st_mode & 0o111
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in text


def shown(default: Any) -> str:
    """Write a default as the README does: text as it is, nothing for None, the rest as JSON."""
    if isinstance(default, float) and default.is_integer():
        default = int(default)
    return default if isinstance(default, str) else "" if default is None else json.dumps(default)


def readme_rows(heading: str) -> list[list[str]]:
    """Take the table below a heading of README.md: its rows' cells, without backticks."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    lines = [line for line in section.partition("\n## ")[0].splitlines() if line[:1] == "|"]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_readme_lists_every_setting_with_its_default() -> None:
    """Seen failing with a setting left out, and with another default."""
    fields = Settings.model_fields.items()
    defaults = {name: field.get_default(call_default_factory=True) for name, field in fields}
    listed = {name: default for name, default, _ in readme_rows("Settings")}

    assert {name: shown(default) for name, default in defaults.items()} == listed


def test_the_readme_lists_the_error_codes_with_their_statuses() -> None:
    """Seen failing with 500 for NOT_FOUND."""
    known = {kind.code: str(kind.status) for kind in TABLE.values()}
    not_raised_yet = {"RATE_LIMITED"}

    assert {code: status for code, status, _ in readme_rows("Errors")} == {
        code: status for code, status in known.items() if code not in not_raised_yet
    }
