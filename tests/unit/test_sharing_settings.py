"""The address of the shared cache as a setting: strict, never shown, also from a file."""

import importlib.util
import traceback
from pathlib import Path

import pytest

from api.settings import Settings, SettingsError
from api.sharing import INSTALL
from models.config import SharedConfig

SECRET = "hunter2"  # noqa: S105


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the package is there is no matter of these tests."""
    present = importlib.util.find_spec("json")
    monkeypatch.setattr("api.sharing.find_spec", lambda _name: present)


def read(monkeypatch: pytest.MonkeyPatch, **variables: str | Path) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(f"MODEL_CACHE_{name.upper()}", str(value))
    return Settings.from_environment()


def test_nothing_is_shared_unless_an_address_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, redis_timeout="1").to_config().shared is None


@pytest.mark.parametrize(
    "url",
    [
        "redis://cache",
        "redis://cache:6379/3",
        f"rediss://me:{SECRET}@cache:6380/0?ssl_ca_certs=/etc/ca.pem",
        "unix:///run/redis.sock?db=1",
        "redis://[::1]:6379",
    ],
)
def test_an_address_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert read(monkeypatch, redis_url=url).to_config().shared == SharedConfig(url)


def test_an_address_is_read_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A line end is no part of it."""
    (tmp_path / "url").write_text("redis://cache\n")
    settings = read(monkeypatch, redis_url_file=tmp_path / "url")

    assert settings.to_config().shared == SharedConfig("redis://cache")


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("cache:6379", "that is no address of a Redis: give redis://HOST:6379/0"),
        (f"http://me:{SECRET}@cache", "that is no address of a Redis"),
        ("redis://", "that is no address of a Redis"),
        ("unix://", "that is no address of a Redis"),
        (f"redis://me:{SECRET}@cache:port", "the address cannot be read"),
        (f"redis://me:{SECRET}@cache/first", "what follows the port is the database's number"),
        (f"redis://cache?{SECRET}=1", "the address has 1 option(s) that are not known: give db"),
        ("redis://cache?socket_timeout=100", "the address has 1 option(s) that are not known"),
        ("redis://cache?ssl_ca_certs=/ca.pem", "ssl_ca_certs is for rediss:// addresses only"),
        ("unix:///redis.sock?ssl_keyfile=k", "ssl_keyfile is for rediss:// addresses only"),
        ("redis://cache?db=abc", "the option db does not have the form [0-9]+"),
        (f"rediss://cache?ssl_cert_reqs={SECRET}", "the option ssl_cert_reqs does not have"),
        (f"redis://me:1234#{SECRET}@cache:6379/0", "a # in the password is written %23"),
        ("", "that is no address of a Redis"),
    ],
)
def test_another_address_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, url: str, complaint: str
) -> None:
    """Not in the traceback either. Planted fault: the parser's own message."""
    with pytest.raises(SettingsError) as caught:
        read(monkeypatch, redis_url=url)

    assert f"MODEL_CACHE_REDIS_URL: {complaint}" in str(caught.value)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_the_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, redis_url=f"redis://:{SECRET}@cache")

    assert SECRET not in repr(settings) + str(settings) + repr(settings.to_config())


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.sharing.find_spec", lambda _name: None)

    with pytest.raises(SettingsError, match=r"redis is not installed: pip install redis=="):
        read(monkeypatch, redis_url="redis://cache")


def test_the_version_to_install_is_the_locked_one() -> None:
    project = Path(__file__).parents[2] / "pyproject.toml"
    assert f'"{INSTALL.removeprefix("pip install ")}"' in project.read_text()


def test_what_is_not_kept_cannot_be_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="PREDICTION_CACHE_MB is 0: there is none"):
        read(monkeypatch, redis_url="redis://cache", prediction_cache_mb="0")


def test_an_address_is_given_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://cache")

    with pytest.raises(SettingsError, match="REDIS_URL or MODEL_CACHE_REDIS_URL_FILE, not both"):
        read(monkeypatch, redis_url="redis://cache", redis_url_file=tmp_path / "url")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("redis_timeout", "0"),
        ("redis_timeout", "inf"),
        ("redis_retry_seconds", "-1"),
        ("redis_prefix", ""),
        ("redis_prefix", "a b"),
        ("redis_prefix", "x" * 65),
    ],
)
def test_what_is_set_beside_it_is_strict(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=f"MODEL_CACHE_{name.upper()}: "):
        read(monkeypatch, **{name: value})
