"""The tokens that open the locked routes, as settings: given as they are, or in files."""

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from api.door import Keys
from api.variables import PREFIX

LEAST = 16
CHARACTERS = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What RFC 6750, section 2.1, lets a bearer token be made of."""
MAKE = "make one with: openssl rand -hex 32"


def check_tokens(text: SecretStr) -> SecretStr:
    """Tokens, separated by commas. Raises ValueError, whose message has nothing of them."""
    for token in _split(text):
        if not token:
            raise ValueError(f"a token is empty: unset the variable, or {MAKE}")
        if not CHARACTERS.fullmatch(token):
            raise ValueError(f"a token is of letters, digits and -._~+/ (= at its end): {MAKE}")
        if len(token) < LEAST:
            raise ValueError(
                f"a token has fewer than {LEAST} characters, and could be found by trying: {MAKE}"
            )
    return text


def read_file(path: object) -> str:
    """Take the text of a mounted secret, once.

    Raises ValueError where there is none, without the path: it may be the secret, given by mistake.
    """
    try:
        return Path(str(path)).read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}; give its path") from None
    except UnicodeDecodeError:
        raise ValueError("the file is no text") from None


Tokens = Annotated[SecretStr, AfterValidator(check_tokens)]
TokenFile = Annotated[SecretStr, BeforeValidator(read_file), AfterValidator(check_tokens)]
"""Given as a path; what is kept is the file's text."""


class TokenSettings(BaseSettings):
    """Unset, all routes are open."""

    admin_token: Tokens | None = Field(
        default=None, description="asked for by routes that change state; several with commas"
    )
    admin_token_file: TokenFile | None = Field(default=None, description="a file that has it")
    predict_token: Tokens | None = Field(
        default=None, description="asked for by predictions; the admin token is good for them, too"
    )
    predict_token_file: TokenFile | None = Field(default=None, description="a file that has it")

    @model_validator(mode="after")
    def _tokens_are_given_once(self) -> Self:
        for name in ("admin_token", "predict_token"):
            if getattr(self, name) is not None and getattr(self, f"{name}_file") is not None:
                variable = PREFIX + name.upper()
                raise ValueError(f"give {variable} or {variable}_FILE, not both")
        return self

    @model_validator(mode="after")
    def _tokens_make_sense_together(self) -> Self:
        keys = self.keys()
        if keys.predict and not keys.admin:
            raise ValueError(
                f"{PREFIX}PREDICT_TOKEN without {PREFIX}ADMIN_TOKEN: who may not predict could "
                "still unload every model; set both"
            )
        if set(keys.admin) & set(keys.predict):
            raise ValueError(
                f"{PREFIX}ADMIN_TOKEN and {PREFIX}PREDICT_TOKEN have a token in common: who may "
                "predict could do everything; give each its own"
            )
        return self

    def keys(self) -> Keys:
        return Keys(
            admin=_bytes(self.admin_token or self.admin_token_file),
            predict=_bytes(self.predict_token or self.predict_token_file),
        )


def _bytes(text: SecretStr | None) -> tuple[bytes, ...]:
    return () if text is None else tuple(token.encode() for token in _split(text))


def _split(text: SecretStr) -> list[str]:
    return [token.strip() for token in text.get_secret_value().split(",")]
