"""The routes about the versions of a model and their aliases."""

from starlette.requests import Request
from starlette.responses import Response

from api import versions
from api.context import context_of
from api.inputs import parse_body, read_body
from api.problems import InvalidParameters
from api.queries import query_fields
from api.responses import dumped
from api.schemas_versions import AliasIn
from models.views.version import AliasReport


async def list_versions(request: Request) -> Response:
    """List the versions of a model, newest first, with their aliases."""
    context = context_of(request)
    query_fields(request, context.limits, allowed=())
    name = str(request.path_params["model_name"])
    return dumped(versions.versions(await context.use_cases.versions(name)))


async def set_alias(request: Request) -> Response:
    """Have an alias name a version; a champion takes the plain name's place as soon as it can."""
    context = context_of(request)
    query_fields(request, context.limits, allowed=())
    body = await read_body(request, context.limits)
    if not body:
        raise InvalidParameters('A JSON body is missing: send {"version": "…"}')
    given = parse_body(AliasIn, body, request)
    return dumped(versions.alias(await _set(request, given.version)))


async def delete_alias(request: Request) -> Response:
    """Take an alias away; the plain name of one without a champion means its newest version."""
    query_fields(request, context_of(request).limits, allowed=())
    return dumped(versions.alias(await _set(request, None)))


async def _set(request: Request, version: str | None) -> AliasReport:
    """Done whether or not the client waits for the swap: there is nothing to call off."""
    name, alias = (str(request.path_params[part]) for part in ("model_name", "alias"))
    return await context_of(request).use_cases.set_alias(name, alias, version)
