"""Three real services behind a real HAProxy: what routing by model is worth, and a lost replica."""

from collections.abc import Callable

import pytest

from bench.replicas.losing import ENDINGS, KILLED, lose
from bench.replicas.routing import HASHING, ROBIN, measured
from bench.setup import Setup
from tests.tools import debian_tool

SECONDS = 4.0

pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    """Nine tiny models, made once."""
    debian_tool("haproxy")
    return Setup(
        models=tmp_path_factory.mktemp("replicas"),
        quick=True,
        requests=0,
        seeds=(1,),
        budget=1.0,
        say=lambda _: None,
    )


def test_hashing_finds_the_model_in_memory_more_often_than_round_robin(
    setup: Setup, show: Callable[[str], None]
) -> None:
    """Planted fault: `rand(9)` in place of the name."""
    hashed, robin = measured(setup, (HASHING, ROBIN))

    assert (hashed.failed, robin.failed) == (0, 0)
    assert hashed.hit_rate > 0.9 > robin.hit_rate
    assert hashed.loads < robin.loads
    show(
        f"three replicas, {hashed.requests} requests: hit rate {hashed.hit_rate:.1%} with hashing"
        f" ({hashed.loads} loads), {robin.hit_rate:.1%} with round robin ({robin.loads} loads)"
    )


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_client_sees_that_a_replica_is_gone_and_only_its_models_move(
    setup: Setup, ending: str, show: Callable[[str], None]
) -> None:
    """Planted faults: no `empty-response`; `hash-type map-based`, which tries the same again."""
    loss = lose(setup, ending, SECONDS)

    assert loss.failures == []
    assert loss.asked_again == 0
    assert loss.moved
    assert loss.strays == []
    assert loss.others_loaded == 0
    assert loss.moved_loaded >= len(loss.moved)
    if ending == KILLED:
        assert loss.slowest_ms < 10_000
    show(
        f"one of three replicas {ending}: {loss.requests} requests, none failed,"
        f" {loss.asked_again} asked again, the slowest {loss.slowest_ms:.0f} ms;"
        f" {len(loss.moved)} models moved with {loss.moved_loaded} loads, the others had"
        f" {loss.others_loaded}"
    )
