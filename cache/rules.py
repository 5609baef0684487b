"""How the cache behaves, in one place."""

from dataclasses import dataclass, field

from cache.ledger import HALF_LIFE
from cache.policy import Policy
from cache.quarantine import Backoff
from cache.queue import Fairness


@dataclass(frozen=True, slots=True)
class Rules:
    """Times are in seconds.

    `room_timeout` bounds the wait for room, `max_waiting` how many callers may wait for a load
    at once. `refresh_ahead` is the last part of a TTL, in which a resident in use is refreshed.
    """

    policy: Policy = field(default_factory=Policy)
    fairness: Fairness = field(default_factory=Fairness)
    backoff: Backoff = field(default_factory=Backoff)
    room_timeout: float = 30.0
    max_waiting: int = 256
    refresh_ahead: float = 0.1
    half_life: float = HALF_LIFE
