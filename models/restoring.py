"""Brings back what was in use before the last stop: the most valuable models first."""

import asyncio
import logging

from cache.errors import CacheError, InsufficientRoom
from cache.residency import Residency
from models.catalogue import ModelRef
from models.errors import ModelError
from models.journal import History
from models.loader import LiveModel
from models.versions import Versions
from models.working_set import worth

_log = logging.getLogger(__name__)


async def restore(
    history: History, residency: Residency[LiveModel], versions: Versions
) -> tuple[str, ...]:
    """Load what fits below the comfort mark, evicting nobody; the names of what was loaded.

    Meant for the background: whoever asks for a model meanwhile goes before it.
    """
    restored: list[str] = []
    for candidate in await asyncio.to_thread(worth, history):
        try:
            if await _bring_back(candidate.model, residency, versions):
                restored.append(candidate.model)
        except (ModelError, CacheError, OSError) as error:
            _log.info("%s is not restored: %s", candidate.model, error)
    if history.accesses:
        _log.info("restored from the access journal: %s", ", ".join(restored) or "nothing")
    return tuple(restored)


async def _bring_back(name: str, residency: Residency[LiveModel], versions: Versions) -> bool:
    key = await versions.key(ModelRef(name))
    plan = await residency.plan(key)
    if plan.verdict is None:
        return False
    if plan.charged + plan.terms.size_estimate > plan.limits.comfort:
        raise InsufficientRoom("it would be above the memory threshold", retry_after=0.0)
    async with residency.lease(key, patient=False):
        return True
