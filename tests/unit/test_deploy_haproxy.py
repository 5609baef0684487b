"""deploy/haproxy/haproxy.cfg: HAProxy takes it, and its times fit those of the service."""

import re
import subprocess
from pathlib import Path

from api.app import HEARTBEAT
from api.settings import Settings
from tests.files import MACHINE_PATH
from tests.manifests import DEPLOY
from tests.tools import debian_tool

CONFIGURATION = DEPLOY / "haproxy" / "haproxy.cfg"
TEXT = CONFIGURATION.read_text(encoding="utf-8")
VARIANT = re.compile(r"#   (by-model|by-client): +(server-template .*)")
SCALE = {"ms": 0.001, "s": 1.0}


def check(path: Path) -> subprocess.CompletedProcess[str]:
    """What `haproxy -c` says. Names of other machines are not asked for."""
    return subprocess.run(
        [debian_tool("haproxy"), "-c", "-f", path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def seconds(setting: str) -> list[float]:
    """Each time that is given for it."""
    found = re.findall(rf"\b{setting} (\d+)(ms|s)\b", TEXT)
    assert found, setting
    return [int(number) * SCALE[unit] for number, unit in found]


def for_kubernetes() -> str:
    """The file with the servers' lines of each backend replaced as its comment says."""
    text = TEXT
    for backend, line in VARIANT.findall(TEXT):
        servers = re.compile(rf"(backend {backend}\n(?:(?!    server ).*\n)*)(?:    server .*\n)+")
        text, times = servers.subn(rf"\g<1>    {line}\n", text)
        assert times == 1, backend
    return text


def test_haproxy_takes_it() -> None:
    """Planted faults: `retry-on empty`, a converter that there is not."""
    checked = check(CONFIGURATION)

    assert checked.returncode == 0, checked.stderr


def test_haproxy_takes_what_it_says_for_kubernetes(tmp_path: Path) -> None:
    """Planted fault: resolvers of another name."""
    (tmp_path / "haproxy.cfg").write_text(for_kubernetes(), encoding="utf-8")
    checked = check(tmp_path / "haproxy.cfg")

    assert checked.returncode == 0, checked.stderr
    assert "    server " not in for_kubernetes()


def test_it_waits_longer_than_the_service_takes() -> None:
    """Planted faults: `timeout server 50s`, `set-timeout server 120s`."""
    settings = Settings()
    predicting, operating = seconds("timeout server")[:1], seconds("set-timeout server")

    assert min(predicting) > settings.request_timeout
    assert min(seconds("timeout client")) > settings.request_timeout
    assert min(operating) > settings.load_timeout + settings.room_timeout


def test_a_stream_of_events_is_not_taken_for_a_dead_one() -> None:
    """Planted fault: `timeout client 15s`."""
    assert min(seconds("timeout client") + seconds("timeout server")) > 2 * HEARTBEAT


def test_a_replica_that_drains_is_found_out_before_it_stops() -> None:
    """Planted fault: `inter 1s`."""
    fall = int(re.findall(r"\bfall (\d+)", TEXT)[0])
    worst = seconds("inter")[0] + (fall - 1) * seconds("fastinter")[0]

    assert worst < Settings().shutdown_delay


def test_its_default_model_and_readiness_are_those_of_the_service() -> None:
    """Planted fault: another default model."""
    assert f"presetenv MODEL_CACHE_DEFAULT_MODEL {Settings().default_model}\n" in TEXT
    assert "option httpchk GET /readyz\n" in TEXT


def test_it_listens_on_this_machine_alone_unless_told() -> None:
    """Planted fault: `bind *:8003`."""
    binds = re.findall(r"^ *bind (.*)$", TEXT, re.MULTILINE)
    preset = dict(re.findall(r"presetenv (\w+_BIND) (\S+)", TEXT))

    assert binds == ['"${PROXY_BIND}"', '"${PROXY_STATS_BIND}"']
    assert [each for each in preset.values() if not each.startswith("127.0.0.1:")] == []


def test_it_names_no_place_on_a_machine_and_no_token() -> None:
    """Planted fault: a certificate in somebody's folder."""
    assert MACHINE_PATH.findall(TEXT) == []
    assert re.findall(r"(?i)bearer|token", TEXT) == []
