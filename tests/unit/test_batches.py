"""Windows of like length are run together, within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.engines.batches import Bounds, batches, bounds


@given(
    lengths=st.lists(st.integers(1, 50), max_size=60),
    rows=st.integers(1, 9),
    tokens=st.integers(1, 200),
)
def test_each_window_is_in_one_batch_within_the_bounds(
    lengths: list[int], rows: int, tokens: int
) -> None:
    """Planted fault: padding was not counted."""
    made = batches(lengths, Bounds(rows, tokens))

    assert sorted(index for batch in made for index in batch) == list(range(len(lengths)))
    for batch in made:
        padded = len(batch) * max(lengths[index] for index in batch)
        assert len(batch) == 1 or (len(batch) <= rows and padded <= tokens)


@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=60))
def test_batches_go_from_short_to_long(lengths: list[int]) -> None:
    order = [lengths[index] for batch in batches(lengths, Bounds(4, 100)) for index in batch]

    assert order == sorted(lengths)


def test_a_batch_is_as_full_as_the_bounds_allow() -> None:
    assert batches([9, 3, 4, 3, 10], Bounds(3, 20)) == [[1, 3, 2], [0, 4]]


def test_what_is_not_batch_proof_is_run_alone_wherever_it_runs() -> None:
    """Planted fault: a GPU's bounds for bf16, of which a probability then moved by 0.003."""
    for device in ("cpu", "cuda:0"):
        assert bounds(device, 512, batch_proof=False).rows == 1


@pytest.mark.parametrize("max_length", [64, 512])
def test_on_a_cpu_no_run_is_bigger_than_the_longest_window(max_length: int) -> None:
    """Planted fault: the trial at registration had measured less than a batch took."""
    assert bounds("cpu", max_length, batch_proof=True).tokens == max_length


def test_on_a_gpu_runs_are_real_batches() -> None:
    within = bounds("cuda:1", 512, batch_proof=True)

    assert within.rows >= 32
    assert within.tokens >= 32 * 512
