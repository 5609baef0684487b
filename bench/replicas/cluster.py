"""Three services behind a proxy, as on three machines: own homes, ports and memory, one store."""

import contextlib
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.processes import family
from bench.replicas.proxy import Proxy, proxied
from bench.servers import Server, served

REPLICAS = 3


@dataclass(frozen=True, slots=True)
class Cluster:
    """Replicas by the names that the proxy has for them."""

    proxy: Proxy
    replicas: Mapping[str, Server]

    def loads(self, names: Sequence[str]) -> dict[str, dict[str, int]]:
        """How often each replica that lives has loaded each model."""
        return {
            replica: {name: _loads(server, name) for name in names}
            for replica, server in self.replicas.items()
            if server.process.poll() is None
        }

    def kill(self, replica: str) -> None:
        """SIGKILL to each of its processes, the first one first: nothing of it says good-bye."""
        for member in family(self.replicas[replica].pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()

    def stop(self, replica: str) -> None:
        """What a roll-out does: SIGTERM to its first process."""
        self.replicas[replica].process.send_signal(signal.SIGTERM)


@contextlib.contextmanager
def cluster(
    store: Path, settings: Mapping[str, str], changes: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """Fresh ones. `changes` are those of the proxy's configuration."""
    with contextlib.ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="model-cache-bench-")
        folder = Path(stack.enter_context(temporary))
        names = [f"replica-{number}" for number in range(1, REPLICAS + 1)]
        with ThreadPoolExecutor(REPLICAS) as pool:
            starting = [served(folder / name, store, settings) for name in names]
            replicas = dict(zip(names, pool.map(stack.enter_context, starting), strict=True))
        ports = [server.port for server in replicas.values()]
        proxy = stack.enter_context(proxied(folder, ports, changes))
        yield Cluster(proxy, replicas)


def _loads(server: Server, name: str) -> int:
    loads: int = server.get(f"/models/{name}")["performance_metrics"]["loads"]
    return loads
