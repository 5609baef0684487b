"""Where an error was raised, without what it says."""

from pathlib import Path

import pytest

from models.traces import places

MARK = "marked " + "text"


def test_types_and_frames_of_the_whole_chain_are_told() -> None:
    """The first first. Planted fault: the cause forgotten."""
    with pytest.raises(ValueError, match="marked") as caught:
        _fail()
    told = places(caught.value)

    assert MARK not in told
    assert told.index("KeyError") < told.index("ValueError")
    assert "in _fail" in told


def test_the_system_s_own_words_are_kept(tmp_path: Path) -> None:
    """But not the file's name."""
    with pytest.raises(OSError, match=MARK) as caught:
        (tmp_path / MARK).read_text()

    assert places(caught.value).endswith("FileNotFoundError: No such file or directory")
    assert MARK not in places(caught.value)


def test_a_chain_that_comes_back_to_itself_ends() -> None:
    first, second = ValueError(), KeyError()
    first.__context__, second.__context__ = second, first

    assert places(first).count("which led to") == 1


def _fail() -> None:
    try:
        _look_up()
    except KeyError:
        raise ValueError(MARK)  # noqa: B904 - the context is what is tested


def _look_up() -> None:
    raise KeyError(MARK)
