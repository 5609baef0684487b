"""A real Prometheus with the project's configuration, its own data folder and a free port."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.process.server import ROOT, free_port
from tests.tools import debian_tool

CONFIGURED = ROOT / "deploy" / "prometheus"
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Prometheus:
    """`log` is all that it wrote."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str, **arguments: str) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=arguments, timeout=30)
        told = answer.json()
        assert told["status"] == "success", (arguments, told)
        return told["data"]

    def values(self, query: str) -> list[float]:
        """What the query has at this moment, without what is not a number."""
        found = self.get("query", query=query)["result"]
        numbers = [float(series["value"][1]) for series in found]
        return [number for number in numbers if number == number]  # noqa: PLR0124 - not NaN

    def recorded(self) -> list[str]:
        groups = self.get("rules", type="record")["groups"]
        return [rule["name"] for group in groups for rule in group["rules"]]

    def firing(self) -> set[str]:
        found = self.get("query", query='ALERTS{alertstate="firing"}')["result"]
        return {series["metric"]["alertname"] for series in found}

    def wait_until(self, holds: Callable[[], bool], told: Callable[[], object]) -> None:
        """Ask until it holds; fails with what is `told` when time is up."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            with contextlib.suppress(httpx.TransportError):
                if holds():
                    return
            time.sleep(0.2)
        raise AssertionError(told())


@contextlib.contextmanager
def scraping(target: str, folder: Path) -> Iterator[Prometheus]:
    """Scrape `target`, HOST:PORT, and evaluate our rules, every second."""
    binary = debian_tool("prometheus")
    _configure(target, folder)
    port, log = free_port(), folder / "prometheus.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [
                binary,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            cwd=folder,
            stdout=said,
            stderr=said,
        )
    prometheus = Prometheus(f"http://127.0.0.1:{port}", process, log)
    try:
        prometheus.wait_until(
            lambda: bool(prometheus.values('up{job="model-cache"} == 1')), log.read_text
        )
        yield prometheus
    finally:
        process.kill()
        process.wait(PATIENCE)


def _configure(target: str, folder: Path) -> None:
    """The project's files but for the target and the intervals."""
    folder.mkdir(parents=True, exist_ok=True)
    for rules in ("rules.yml", "alerts.yml"):
        shutil.copy(CONFIGURED / rules, folder)
    config = (CONFIGURED / "prometheus.yml").read_text()
    for old, new in (("model-cache:8003", target), ("15s", "1s"), ("10s", "1s")):
        assert old in config
        config = config.replace(old, new)
    (folder / "prometheus.yml").write_text(config)
