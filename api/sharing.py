"""Settings of the shared prediction cache. Its address is secret: no message repeats it."""

import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Annotated, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from api.tokens import read_file
from api.variables import PREFIX
from models.config import SharedConfig

FORMS = "redis://HOST:6379/0, rediss://USER:PASSWORD@HOST:6379/0 or unix:///PATH?db=0"
ANYTHING, YES_OR_NO = re.compile(".+"), re.compile("true|false")
OPTIONS = {
    "db": re.compile("[0-9]+"),
    "ssl_ca_certs": ANYTHING,
    "ssl_cert_reqs": re.compile("none|optional|required"),
    "ssl_certfile": ANYTHING,
    "ssl_check_hostname": YES_OR_NO,
    "ssl_keyfile": ANYTHING,
}
"""Those of redis-py that an address may have, and what they may be."""
INSTALL = "pip install redis==8.1.0"
DEFAULTS = SharedConfig("")


def check_url(text: SecretStr) -> SecretStr:
    """Raises ValueError, whose message has nothing of the address."""
    url = text.get_secret_value().strip()
    try:
        parts = urlsplit(url)
        whole = bool(parts.path if parts.scheme == "unix" else parts.hostname)
        _ = parts.port
    except ValueError:
        raise ValueError(f"the address cannot be read: give {FORMS}") from None
    if parts.scheme not in {"redis", "rediss", "unix"} or not whole:
        raise ValueError(f"that is no address of a Redis: give {FORMS}")
    if parts.fragment:
        raise ValueError(f"a # in the password is written %23: give {FORMS}")
    if parts.scheme != "unix" and not _is_database(parts.path):
        raise ValueError(f"what follows the port is the database's number: give {FORMS}")
    _check_options(parse_qs(parts.query, keep_blank_values=True), parts.scheme)
    if find_spec("redis") is None:
        raise ValueError(f"the package redis is not installed: {INSTALL}")
    return SecretStr(url)


def _check_options(given: Mapping[str, Sequence[str]], scheme: str) -> None:
    if unknown := given.keys() - OPTIONS.keys():
        raise ValueError(
            f"the address has {len(unknown)} option(s) that are not known:"
            f" give {', '.join(sorted(OPTIONS))}"
        )
    for name, values in given.items():
        if name != "db" and scheme != "rediss":
            raise ValueError(f"{name} is for rediss:// addresses only")
        if not all(OPTIONS[name].fullmatch(value) for value in values):
            raise ValueError(f"the option {name} does not have the form {OPTIONS[name].pattern}")


def _is_database(path: str) -> bool:
    number = path.removeprefix("/")
    return not number or (number.isascii() and number.isdigit())


RedisUrl = Annotated[SecretStr, AfterValidator(check_url)]
RedisUrlFile = Annotated[SecretStr, BeforeValidator(read_file), AfterValidator(check_url)]
"""Given as a path; what is kept is the file's text."""
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SharingSettings(BaseSettings):
    """Unset, nothing is shared."""

    redis_url: RedisUrl | None = Field(
        default=None, description="Redis where services share answers; unset means none"
    )
    redis_url_file: RedisUrlFile | None = Field(default=None, description="a file that has it")
    redis_timeout: Seconds = Field(
        default=DEFAULTS.timeout, description="deadline of a look-up of shared answers"
    )
    redis_retry_seconds: Seconds = Field(
        default=DEFAULTS.retry_seconds,
        description="time for which a Redis that fails is left alone",
    )
    redis_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")] = Field(
        default=DEFAULTS.prefix, description="how the keys of shared answers begin"
    )

    @model_validator(mode="after")
    def _address_is_given_once(self) -> Self:
        if self.redis_url is not None and self.redis_url_file is not None:
            variable = f"{PREFIX}REDIS_URL"
            raise ValueError(f"give {variable} or {variable}_FILE, not both")
        return self

    def shared(self) -> SharedConfig | None:
        url = self.redis_url or self.redis_url_file
        if url is None:
            return None
        return SharedConfig(
            url.get_secret_value(),
            self.redis_timeout,
            self.redis_retry_seconds,
            self.redis_prefix,
        )
