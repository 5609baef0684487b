"""Rows as bytes that services share, and the keys they stand below."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.engines import Row
from models.shared.encoding import decode, encode
from models.shared.naming import key_for, scope_of
from tests.aio.test_directory import stored

KEY = "p:00:11"
ROW = Row((0.25, 0.75), tokens=7, truncated=True, windows=3)
ROWS = st.builds(
    Row,
    st.lists(st.floats(0.0, 1.0), min_size=2, max_size=9).map(tuple),
    tokens=st.integers(0, 2**32 - 1),
    truncated=st.booleans(),
    windows=st.integers(1, 2**32 - 1),
)


@given(ROWS, st.integers(0, 2**32 - 1))
def test_a_row_comes_back_as_it_was(row: Row, second: int) -> None:
    kept = decode(encode(row, KEY, second + 0.5), KEY, len(row.probabilities))

    assert kept is not None
    assert (kept.row, kept.made_at) == (row, second)


@given(st.binary(max_size=80))
def test_whatever_else_stands_there_is_nothing(value: bytes) -> None:
    assert decode(value, KEY, 2) is None


@given(st.integers(0, 8 * len(encode(ROW, KEY, 1.0)) - 1))
def test_a_value_with_one_bit_changed_is_nothing(bit: int) -> None:
    """Planted fault: no checksum."""
    value = bytearray(encode(ROW, KEY, 1.0))
    value[bit // 8] ^= 1 << bit % 8

    assert decode(bytes(value), KEY, 2) is None


def test_a_value_of_another_key_or_of_other_labels_is_nothing() -> None:
    value = encode(ROW, KEY, 1.0)

    assert decode(value, "p:00:12", 2) is None
    assert decode(value, KEY, 3) is None


def test_a_value_is_small() -> None:
    assert len(encode(ROW, KEY, 1.0)) == 38


@pytest.mark.parametrize(
    "other",
    [
        {"digests": {"model.onnx": "other"}},
        {"labels": ("jailbreak", "benign")},
        {"max_length": 1},
        {"engine": "pytorch"},
    ],
)
def test_what_answers_otherwise_has_other_keys(other: dict[str, object]) -> None:
    """Planted fault: the scope was the version's name alone."""
    one = stored("mine", "v1")

    assert scope_of(replace(one, **other)) != scope_of(one)  # type: ignore[arg-type]


def test_where_and_when_it_was_registered_is_no_part_of_a_key() -> None:
    """Or else two machines would share nothing. Planted fault: the whole entry was hashed."""
    one, other = stored("mine", "v1"), stored("mine", "v1", minute=5)
    moved = replace(other, path=other.path / "elsewhere", footprint=1, load_seconds=9.0)

    assert scope_of(moved) == scope_of(one)


def test_a_key_is_of_digests_alone() -> None:
    key = key_for("ours", scope_of(stored("mine", "v1")), bytes(range(16)))

    assert key.split(":")[0] == "ours"
    assert key.split(":")[2] == "000102030405060708090a0b0c0d0e0f"
    assert len(key) == len("ours:") + 16 + 1 + 32
