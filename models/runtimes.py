"""Whether the engines' runtimes were built with CUDA: only who has them imported can tell."""

import logging
from dataclasses import dataclass, field

from models.errors import ModelError
from models.forkserver import ForkServer
from models.runner import run_in_child

_log = logging.getLogger(__name__)

_ASKED = {
    "onnx": "models.engines.onnx:has_cuda",
    "pytorch": "models.engines.transformers:has_cuda",
}
_TIMEOUT = 10.0


@dataclass(slots=True)
class Runtimes:
    """Asks a child of the fork server, once for each engine; `known` are the answers."""

    forkserver: ForkServer
    known: dict[str, bool] = field(default_factory=dict)

    async def has_cuda(self, engine: str) -> bool:
        """False only if that is known: not while the engine's fork server has not been started,
        for which nobody should wait before he is admitted, nor when there is no answer."""
        if engine not in self.known:
            if not self.forkserver.has(engine):
                return True
            try:
                self.known[engine] = await self._ask(engine)
            except ModelError as error:
                _log.warning("whether %s has CUDA is not known: %s", engine, error)
                return True
        return self.known[engine]

    async def _ask(self, engine: str) -> bool:
        forkserver = await self.forkserver.of(engine)
        return bool(await run_in_child(forkserver, _ASKED[engine], {}, timeout=_TIMEOUT))
