"""Every setting of the cache reaches it."""

import pytest

from cache.policy import Policy
from cache.quarantine import Backoff
from cache.queue import Fairness
from cache.rules import Rules
from cache.scores import gdsf, lru
from models.config import ServingConfig
from models.rules import rules_of


def test_the_documented_defaults_are_the_cache_s_own() -> None:
    assert rules_of(ServingConfig()) == Rules()


def test_each_setting_goes_where_it_belongs() -> None:
    """Planted fault: two of them exchanged."""
    rules = rules_of(
        ServingConfig(
            eviction_policy="lru",
            churn_guard=3.0,
            overtake_limit=4,
            overtake_seconds=5.0,
            quarantine_base=6.0,
            quarantine_max=7.0,
            room_timeout=8.0,
            max_waiting=9,
            refresh_ahead=0.25,
        )
    )

    assert rules == Rules(
        policy=Policy(lru, 3.0),
        fairness=Fairness(4, 5.0),
        backoff=Backoff(6.0, 7.0),
        room_timeout=8.0,
        max_waiting=9,
        refresh_ahead=0.25,
    )


@pytest.mark.parametrize(("name", "score"), [("gdsf", gdsf), ("lru", lru)])
def test_each_policy_has_its_name(name: str, score: object) -> None:
    assert rules_of(ServingConfig(eviction_policy=name)).policy.score is score
