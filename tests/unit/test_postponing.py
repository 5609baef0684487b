"""Is now the time to evict somebody for one who waits?"""

import pytest

from cache.entry import State
from cache.policy import Admit, Limits, Refuse, Verdict, Wait
from cache.postponing import postponed
from tests.unit.entries import entry

TWO_CORES = Limits(30, 30, 10, cores=2)
VICTIM = entry("v")


def test_while_all_cores_have_work_nobody_has_to_go() -> None:
    """Those who work are what he waits for. Planted fault: the victims went all the same."""
    busy = entry("a", leases=1), entry("b", leases=1)

    verdict = postponed(Wait(victims=("v",)), [VICTIM, *busy], TWO_CORES)

    assert verdict == Wait(blockers=("a", "b"))


def test_two_leases_of_one_are_work_for_two_cores() -> None:
    """Planted fault: residents were counted, and not their leases."""
    verdict = postponed(Wait(victims=("v",)), [VICTIM, entry("a", leases=2)], TWO_CORES)

    assert verdict == Wait(blockers=("a",))


def test_a_load_is_work_for_a_core() -> None:
    """It has one to itself."""
    book = VICTIM, entry("a", leases=1), entry("l", state=State.LOADING)

    assert postponed(Wait(victims=("v",)), book, TWO_CORES) == Wait(blockers=("a", "l"))


def test_what_drains_works_until_its_leases_have_ended() -> None:
    """Then its process only has to end."""
    works = entry("a", leases=2, state=State.DRAINING)
    idle = entry("a", leases=0, state=State.DRAINING)

    assert postponed(Wait(victims=("v",)), [VICTIM, works], TWO_CORES) == Wait(blockers=("a",))
    assert postponed(Wait(victims=("v",)), [VICTIM, idle], TWO_CORES) == Wait(victims=("v",))


def test_an_idle_core_is_for_the_load() -> None:
    """To wait longer would be for nothing."""
    verdict = Wait(victims=("v",), again=120.0)

    assert postponed(verdict, [VICTIM, entry("a", leases=1)], TWO_CORES) is verdict


def test_a_load_that_nobody_wants_is_given_up_at_once() -> None:
    """Its core and its place are for others. Planted fault: it was waited for, as it loaded."""
    unwanted = entry("l", state=State.LOADING, wanted=False)
    verdict = Wait(victims=("l",), blockers=("l",))

    assert postponed(verdict, [unwanted, entry("a", leases=2)], TWO_CORES) is verdict


@pytest.mark.parametrize(
    "verdict", [Admit(), Refuse("too large"), Wait(), Wait(blockers=("b",), again=111.0)]
)
def test_what_costs_nobody_his_place_is_not_postponed(verdict: Verdict) -> None:
    """Room that is free is taken, however busy all are."""
    assert postponed(verdict, [entry("a", leases=9)], TWO_CORES) is verdict
