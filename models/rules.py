"""From the config to the rules of the residency cache."""

from cache.policy import Policy
from cache.quarantine import Backoff
from cache.queue import Fairness
from cache.rules import Rules
from cache.scores import POLICIES
from models.config import ServingConfig


def rules_of(config: ServingConfig) -> Rules:
    return Rules(
        policy=Policy(POLICIES[config.eviction_policy], config.churn_guard),
        fairness=Fairness(config.overtake_limit, config.overtake_seconds, config.postpone_seconds),
        backoff=Backoff(config.quarantine_base, config.quarantine_max),
        room_timeout=config.room_timeout,
        max_waiting=config.max_waiting,
        refresh_ahead=config.refresh_ahead,
    )
