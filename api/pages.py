"""The documentation page, from files that BentoML brings along: it works without the internet."""

from pathlib import Path

import bentoml
from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from api.problems import RouteNotFound

FOLDER = Path(bentoml.__file__).parent / "_internal" / "server" / "static_content"
SCRIPT, STYLE, ICON = "swagger-ui-bundle.js", "swagger-ui.css", "favicon-light-32x32.png"


def build_pages() -> APIRouter:
    router = APIRouter(redirect_slashes=False, include_in_schema=False)
    router.add_api_route("/docs", page, methods=["GET"], response_model=None)
    router.add_api_route("/docs/{file}", asset, methods=["GET"], response_model=None)
    return router


async def page(request: Request) -> Response:
    return get_swagger_ui_html(
        openapi_url=request.app.openapi_url,
        title=request.app.title,
        swagger_js_url=f"/docs/{SCRIPT}",
        swagger_css_url=f"/docs/{STYLE}",
        swagger_favicon_url=f"/docs/{ICON}",
    )


async def asset(request: Request) -> Response:
    file = str(request.path_params["file"])
    if file not in (SCRIPT, STYLE, ICON):
        raise RouteNotFound("There is no such page; /docs lists what there is")
    return FileResponse(FOLDER / file)
