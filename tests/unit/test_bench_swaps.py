"""Which answers `scripts/bench swaps` takes for right."""

import pytest

from bench.swapping.judging import Answer, Switch, last_old, stays, tail_ratio, wrong

LABELS = {"old": frozenset({"x_old"}), "new": frozenset({"x_new"})}
SWITCH = Switch("champion", "new", asked=10.0, done=12.0)


def answer(asked: float, until: float, version: str, labels: str | None = None) -> Answer:
    return Answer(asked, until, "", version, LABELS[labels or version])


@pytest.mark.parametrize(
    ("asked", "until", "version", "right"),
    [
        (8.0, 9.0, "old", True),
        (8.0, 9.0, "new", False),
        (9.0, 10.5, "new", True),
        (11.0, 11.5, "old", True),
        (11.0, 11.5, "new", True),
        (11.5, 13.0, "old", True),
        (12.5, 13.0, "old", False),
        (12.5, 13.0, "new", True),
    ],
)
def test_either_version_is_right_while_it_is_switched_and_one_before_and_after(
    asked: float, until: float, version: str, right: bool
) -> None:
    """Planted fault: the times of asking and of the answer taken for one another."""
    given = [answer(asked, until, version)]

    assert wrong(given, stays("old", [SWITCH]), LABELS) == ([] if right else given)


def test_an_answer_with_the_labels_of_another_version_is_wrong_and_a_failure_is_none() -> None:
    mixed, failed = answer(13.0, 14.0, "new", "old"), Answer(13.0, 14.0, "503")

    assert wrong([mixed, failed], stays("old", [SWITCH]), LABELS) == [mixed]


def test_the_last_old_answer_is_counted_from_asking_for_the_switch() -> None:
    given = [answer(9.0, 10.25, "old"), answer(9.0, 9.5, "old"), answer(11.0, 11.5, "new")]

    assert last_old(given, SWITCH) == 0.25
    assert last_old([], SWITCH) is None


def test_the_tail_at_a_switch_is_a_multiple_of_the_tail_elsewhere() -> None:
    given = [answer(10.5, 10.9, "old"), answer(20.0, 20.2, "new"), answer(2.0, 2.1, "old")]

    assert tail_ratio(given, [SWITCH]) == pytest.approx(2.0)
    assert tail_ratio(given[1:], [SWITCH]) is None
