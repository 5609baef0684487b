"""The locks of what `scripts/bench` compares with."""

import pytest

from tests.unit.test_project import foreign_lines, lock_text, locked


@pytest.mark.parametrize("name", ["bench", "bench-weights"])
def test_each_package_has_hashes_and_no_index_is_named(name: str) -> None:
    """Planted fault: a package without a hash."""
    text = lock_text(name)

    assert foreign_lines(text) == []
    assert [package for package, entry in locked(text).items() if not entry.hashes] == []


def test_baselines_have_the_versions_that_the_service_has() -> None:
    """Else the comparison would be one of versions. Planted fault: another onnxruntime."""
    bench, core, torch = (locked(lock_text(name)) for name in ("bench", "core", "torch"))
    ours = {**torch, **core}

    assert {name: ours[name] for name in bench if name in ours} == {
        name: bench[name] for name in bench if name in ours
    }
    assert {"bentoml", "fastapi", "onnxruntime", "tokenizers", "uvicorn"} <= set(bench)
    assert "torch" not in bench
