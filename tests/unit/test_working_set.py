import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.journal import Access, History, LoadFigures
from models.working_set import Worth, worth


def history(accesses: str, **loads: tuple[float, int]) -> History:
    """One letter an access."""
    return History(
        tuple(Access(float(at), model) for at, model in enumerate(accesses)),
        {model: LoadFigures(seconds, size, 1) for model, (seconds, size) in loads.items()},
    )


def order(found: tuple[Worth, ...]) -> str:
    return "".join(each.model for each in found)


def test_without_a_history_nothing_is_worth_anything() -> None:
    assert worth(History()) == ()


def test_an_access_counts_half_when_a_half_life_of_accesses_has_passed() -> None:
    """Fault found: frequencies were those of each model's last access, not of the end."""
    (b, a) = worth(history("abb"), half_life=2)

    assert (b.model, a.model) == ("b", "a")
    assert (b.frequency, a.frequency) == pytest.approx((1 + 0.5**0.5, 0.5))


def test_time_without_accesses_wears_nothing_off() -> None:
    """After a night everybody is as popular as before."""
    slow = History((Access(0.0, "a"), Access(9e9, "b")))

    assert worth(slow) == worth(history("ab"))


def test_the_score_is_seconds_of_loading_saved_per_byte() -> None:
    (a,) = worth(history("a", a=(3.0, 60)))

    assert a == Worth("a", frequency=1.0, score=0.05)


def test_a_small_model_that_loads_slowly_goes_before_a_large_one_that_loads_fast() -> None:
    """Fault found: the order was that of the frequencies."""
    found = worth(history("llls", l=(0.1, 1000), s=(5.0, 100)))

    assert order(found) == "sl"


def test_models_whose_loads_are_unknown_come_last_by_frequency() -> None:
    """Fault found: unknown was taken for free, and so before a known load of no time."""
    found = worth(history("xyxk", k=(0.0, 10)))

    assert order(found) == "kxy"
    assert [each.score for each in found] == [0.0, None, None]


def test_a_load_of_no_bytes_is_unknown() -> None:
    """Fault found: it divided by zero."""
    assert worth(history("a", a=(1.0, 0)))[0].score is None


def test_a_model_that_was_loaded_and_never_asked_is_not_named() -> None:
    assert order(worth(history("a", b=(1.0, 1)))) == "a"


def test_a_long_forgotten_model_has_a_frequency_of_zero() -> None:
    assert worth(history("a" + "b" * 3000), half_life=0.5)[-1].frequency == 0.0


@given(st.text("abc", max_size=60), st.floats(0.5, 1000))
def test_the_frequency_is_the_sum_of_what_each_access_still_counts(
    accesses: str, half_life: float
) -> None:
    """The running figure against its definition. Fault found: decay began one access late."""
    found = {each.model: each.frequency for each in worth(history(accesses), half_life)}

    for model, frequency in found.items():
        ages = [len(accesses) - at for at, name in enumerate(accesses, 1) if name == model]
        assert frequency == pytest.approx(sum(2 ** (-age / half_life) for age in ages))
    assert set(found) == set(accesses)
