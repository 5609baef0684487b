"""The lock of the whatif extra, and who may install it."""

from tests.files import ROOT
from tests.unit.test_project import PYPROJECT, foreign_lines, lock_text, locked


def test_the_lock_of_whatif_has_hashes_and_agrees_with_the_others() -> None:
    """Else one installation would undo the other. Seen failing with one hash changed."""
    text = lock_text("whatif")
    whatif, test, torch, core = (locked(lock_text(n)) for n in ("whatif", "test", "torch", "core"))

    assert foreign_lines(text) == []
    assert all(entry.hashes for entry in whatif.values())
    assert {name: test[name] for name in whatif} == whatif
    assert {name: whatif[name] for name in whatif if name in core} == {
        name: core[name] for name in whatif if name in core
    }
    assert {name: whatif[name] for name in whatif if name in torch} == {
        name: torch[name] for name in whatif if name in torch
    }


def test_the_lock_of_whatif_holds_the_version_of_pyproject() -> None:
    """Seen failing with another version of matplotlib in pyproject.toml."""
    extras = PYPROJECT["project"]["optional-dependencies"]

    assert extras["whatif"] == [f"matplotlib=={locked(lock_text('whatif'))['matplotlib'].version}"]


def test_serving_does_without_matplotlib() -> None:
    """Seen failing with `ensure_lock whatif` in scripts/serve."""
    assert "matplotlib" not in locked(lock_text("core"))
    assert "whatif" not in (ROOT / "scripts" / "serve").read_text(encoding="utf-8")
    assert "whatif" not in (ROOT / "bentofile.yaml").read_text(encoding="utf-8")
