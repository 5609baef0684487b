"""The operator's page at /ui: the files of `api/ui`, read once, and what it must know of settings.

The page asks the same routes as everybody else; nothing here is on the way of a prediction.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.problems import RouteNotFound
from api.schemas_ui import PageSettings

FOLDER = Path(__file__).parent / "ui"
INDEX, SETTINGS = "index.html", "settings.json"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
GUARDS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
CACHING = {"Cache-Control": "no-cache"}
"""Kept by the browser, and asked for by its tag each time: a new release shows at once."""


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file as it is sent. `tag` changes with the content."""

    content: bytes
    kind: str
    tag: str


def build_ui(settings: PageSettings) -> APIRouter:
    """The page's routes. Reads all files now, so that no request's path ever reaches the disk."""
    files = read_files(FOLDER)
    index = files.pop(INDEX)
    files[SETTINGS] = page_file(settings.model_dump_json().encode(), SETTINGS)

    async def page(request: Request) -> Response:
        return _sent(request, index)

    async def asset(request: Request) -> Response:
        file = files.get(str(request.path_params["file"]))
        if file is None:
            raise RouteNotFound("The operator's page has no such file; it is at /ui")
        return _sent(request, file)

    router = APIRouter(redirect_slashes=False, include_in_schema=False)
    router.add_api_route("/ui", page, methods=["GET"], response_model=None)
    router.add_api_route("/ui/", _to_page, methods=["GET"], response_model=None)
    router.add_api_route("/ui/{file}", asset, methods=["GET"], response_model=None)
    return router


def read_files(folder: Path) -> dict[str, PageFile]:
    """All files of a kind that a page is made of, by name."""
    return {
        path.name: page_file(path.read_bytes(), path.name)
        for path in sorted(folder.iterdir())
        if path.suffix in TYPES
    }


def page_file(content: bytes, name: str) -> PageFile:
    return PageFile(content, TYPES[Path(name).suffix], f'"{sha256(content).hexdigest()[:20]}"')


def _sent(request: Request, file: PageFile) -> Response:
    headers = {**GUARDS, **CACHING, "ETag": file.tag}
    if _is_known(request.headers.get("if-none-match", ""), file.tag):
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers={**headers, "Content-Type": file.kind})


def _is_known(asked: str, tag: str) -> bool:
    """Compared weakly, as RFC 9110 says for If-None-Match (section 13.1.2)."""
    known = [each.strip().removeprefix("W/") for each in asked.split(",")]
    return tag in known or known == ["*"]


async def _to_page(_request: Request) -> Response:
    """The page's addresses are relative: below another path they lead nowhere."""
    return Response(status_code=308, headers={**GUARDS, "Location": "../ui"})
