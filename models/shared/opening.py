"""Opens the shared cache where it is set, and closes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.background import Background
from models.config import ServingConfig
from models.shared.port import Store
from models.shared.sharing import Sharing


@asynccontextmanager
async def open_sharing(config: ServingConfig) -> AsyncIterator[Sharing | None]:
    """None where no address is set. Whether anybody answers there shows later."""
    if config.shared is None:
        yield None
        return
    from models.shared.redis_store import RedisStore  # noqa: PLC0415 - takes 14 MB

    store: Store = RedisStore(config.shared.url)
    sharing = Sharing(store, config.shared, config.prediction_cache_ttl)
    background = Background()
    background.attempt(sharing.run())
    try:
        yield sharing
    finally:
        await background.aclose()
        await store.aclose()
