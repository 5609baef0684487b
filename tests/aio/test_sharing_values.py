"""Values in the shared store that are not what was put there: each is a miss."""

import pytest

from models.shared.encoding import encode
from models.shared.naming import key_for, scope_of
from tests.aio.test_sharing import DIGESTS, MODEL, ROW, found, sharing
from tests.fakes_shared import FakeStore


@pytest.mark.parametrize("value", [b"", b"garbage", b"\x80\x04\x95" + bytes(35), bytes(38)])
async def test_a_value_that_cannot_be_understood_is_a_miss(value: bytes) -> None:
    store = FakeStore()
    async with sharing(store) as made:
        name = key_for("p", scope_of(MODEL), DIGESTS[0])
        await store.put([(name, value)], 60.0)

        assert await found(made, DIGESTS[0]) == []
        assert (made.view().misses, made.view().unusable) == (1, 1)


async def test_a_value_older_than_the_time_to_live_is_a_miss() -> None:
    """Whoever put it had a longer one. Planted fault: the store's time alone counted."""
    store = FakeStore()
    async with sharing(store) as made:
        name = key_for("p", scope_of(MODEL), DIGESTS[0])
        await store.put([(name, encode(ROW, name, 1_000_000.0))], 1e9)

        assert await found(made, DIGESTS[0]) == []
