"""How bodies become responses."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

_JSON = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
)


def dumped(body: BaseModel, status: int = 200) -> Response:
    return _JsonResponse(body.model_dump_json(), status)


def as_json(body: dict[str, Any]) -> Response:
    return _JsonResponse(_JSON.encode(body))


class _JsonResponse(Response):
    """Its two headers are written down at once, instead of being looked for among others."""

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:  # noqa: ARG002  # there are none
        length = str(len(self.body)).encode()
        self.raw_headers = [(b"content-length", length), (b"content-type", b"application/json")]
