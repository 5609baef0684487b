"""A real HAProxy with the project's own configuration, on ports of its own on 127.0.0.1."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.processes import Program, ServerFailed, free_port, running, wait_until_ready
from bench.servers import ROOT

CONFIGURATION = ROOT / "deploy" / "haproxy" / "haproxy.cfg"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that answers. `log` has a line for each request."""

    port: int
    stats_port: int
    log: Path


def haproxy() -> str:
    """The program; Debian keeps it where not everybody looks. Raises ServerFailed."""
    places = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
    found = shutil.which("haproxy", path=places)
    if found is None:
        raise ServerFailed("haproxy is not there (Debian: apt-get install haproxy)")
    return found


@contextlib.contextmanager
def proxied(
    folder: Path,
    replicas: Sequence[int],
    changes: Mapping[str, str] | None = None,
    **environment: str,
) -> Iterator[Proxy]:
    """Put it before the replicas at these ports, with lines of its configuration changed.

    `environment` is added to ours. Raises ServerFailed where it is not there or does not start.
    """
    port, stats_port, log = free_port(), free_port(), folder / "haproxy.log"
    own = {f"REPLICA_{n}": f"127.0.0.1:{each}" for n, each in enumerate(replicas, 1)}
    own |= {"PROXY_BIND": f"127.0.0.1:{port}", "PROXY_STATS_BIND": f"127.0.0.1:{stats_port}"}
    configuration = folder / "haproxy.cfg"
    configuration.write_text(changed(changes or {}), encoding="utf-8")
    command = [haproxy(), "-db", "-f", str(configuration)]
    with running(Program(command, folder, {**os.environ, **own, **environment}), log) as process:
        wait_until_ready(f"http://127.0.0.1:{stats_port}/metrics", process, log)
        yield Proxy(port, stats_port, log)


def changed(changes: Mapping[str, str]) -> str:
    """The configuration, with each text that is a key of `changes` replaced by its value."""
    text = CONFIGURATION.read_text(encoding="utf-8")
    for old, new in changes.items():
        if old not in text:
            raise ValueError(f"{CONFIGURATION.name} has no {old!r}")
        text = text.replace(old, new)
    return text
