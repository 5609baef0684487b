"""The routes: parse, one call on the use cases, dump."""

from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api import answers, events, overviews, plans, schemas
from api.context import context_of
from api.documentation import ALIAS, documented
from api.door import Keys, access_of, behind_door
from api.exposition import CONTENT_TYPE
from api.inputs import batch_arguments, predict_arguments
from api.presence import while_present
from api.problems import NotReady
from api.queries import event_options, flag, load_options, query_fields
from api.responses import as_json, dumped
from api.routes_versions import delete_alias, list_versions, set_alias
from api.schemas_events import EventsOut
from api.schemas_plans import CleanupPlanOut, LoadPlanOut
from api.schemas_predictions import PredictBatchOut, PredictionOut
from api.schemas_versions import AliasOut, VersionsOut
from api.streaming import EventStream


def build_router(keys: Keys) -> APIRouter:
    """Make the table of routes; the explicit list is in the order of the documentation."""
    router = APIRouter(redirect_slashes=False)
    for method, path, endpoint, model in (
        ("GET", "/", root, schemas.RootOut),
        ("GET", "/health", health, schemas.HealthOut),
        ("GET", "/models", list_models, schemas.ModelsOut),
        ("GET", "/models/{model_name}", get_model, schemas.ModelDetailOut),
        ("POST", "/models/{model_name}/load", load_model, schemas.LoadOut | LoadPlanOut),
        ("POST", "/models/{model_name}/unload", unload_model, schemas.UnloadOut),
        ("POST", "/models/{model_name}/warmup", warmup_model, schemas.WarmupOut),
        ("POST", "/models/{model_name}/pin", pin_model, schemas.PinOut),
        ("POST", "/models/{model_name}/unpin", unpin_model, schemas.PinOut),
        ("GET", "/models/{model_name}/versions", list_versions, VersionsOut),
        ("PUT", ALIAS, set_alias, AliasOut),
        ("DELETE", ALIAS, delete_alias, AliasOut),
        ("POST", "/predict", predict, PredictionOut),
        ("POST", "/predict/batch", predict_batch, PredictBatchOut),
        ("GET", "/stats", stats, schemas.StatsOut),
        ("POST", "/cleanup", cleanup, schemas.CleanupOut | CleanupPlanOut),
        ("GET", "/metrics", metrics, None),
        ("GET", "/events", list_events, EventsOut),
        ("GET", "/livez", livez, schemas.ProbeOut),
        ("GET", "/readyz", readyz, schemas.ProbeOut),
        ("GET", "/healthz", livez, schemas.ProbeOut),
    ):
        router.add_api_route(
            path,
            behind_door(endpoint, access_of(method, path), keys),
            methods=[method],
            response_model=None,
            **documented(path, endpoint.__doc__, model, method),
        )
    return router


async def root(_request: Request) -> Response:
    """Health check."""
    return dumped(schemas.RootOut(status="running", service="model-cache"))


async def health(request: Request) -> Response:
    """Detailed health check with cache status."""
    use_cases = context_of(request).use_cases
    system, cache = await use_cases.system(), await use_cases.cache()
    return dumped(overviews.health(system, cache, ready=use_cases.ready))


async def list_models(request: Request) -> Response:
    """List all models and their cache status."""
    return dumped(overviews.models(await context_of(request).use_cases.cache()))


async def get_model(request: Request) -> Response:
    """Get detailed information about a model."""
    view = await context_of(request).use_cases.describe(_name(request))
    return dumped(overviews.model(view))


async def load_model(request: Request) -> Response:
    """Load a model into the cache; a resident one stays as it is. A dry run only says how."""
    context = context_of(request)
    options = load_options(request, context.limits)
    if options.dry_run:
        return dumped(plans.load(await context.use_cases.plan_load(_name(request))))
    work = context.use_cases.load(_name(request), keep_alive=options.keep_alive)
    report = await while_present(request, work, context.unwatched)
    return dumped(answers.load(report))


async def unload_model(request: Request) -> Response:
    """Unload a model from the cache; predictions under way are finished first."""
    report = await context_of(request).use_cases.unload(_name(request))
    return dumped(answers.unload(report))


async def warmup_model(request: Request) -> Response:
    """Warm up a model with sample requests; in the background, it is only started."""
    context = context_of(request)
    name = _name(request)
    if flag(request, context.limits, "background"):
        requests = await context.use_cases.start_warmup(name)
        return dumped(answers.warmup_started(name, requests), status=202)
    work = context.use_cases.warmup(name)
    report = await while_present(request, work, context.unwatched)
    return dumped(answers.warmup(report))


async def pin_model(request: Request) -> Response:
    """Never evict a model, now or once it is loaded; holds until the service ends."""
    return await _pin(request, pinned=True)


async def unpin_model(request: Request) -> Response:
    """Let a model be evicted like others again."""
    return await _pin(request, pinned=False)


async def predict(request: Request) -> Response:
    """Classify a text; query parameters or a JSON body with the same fields."""
    context = context_of(request)
    text, name, options = await predict_arguments(request, context.limits)
    work = context.use_cases.predict(text, name, keep_alive=options.keep_alive, cache=options.cache)
    answer = await while_present(request, work, context.unwatched)
    return as_json(answers.prediction(answer))


async def predict_batch(request: Request) -> Response:
    """Classify several texts with one model; results are in the order of the texts."""
    context = context_of(request)
    texts, name, options = await batch_arguments(request, context.limits)
    work = context.use_cases.predict_batch(
        texts, name, keep_alive=options.keep_alive, cache=options.cache
    )
    results = await while_present(request, work, context.unwatched)
    return as_json(answers.predictions(results))


async def stats(request: Request) -> Response:
    """Get detailed cache statistics."""
    use_cases = context_of(request).use_cases
    return dumped(overviews.stats(await use_cases.cache(), await use_cases.system()))


async def cleanup(request: Request) -> Response:
    """Unload expired models, then idle ones until memory is below the threshold, or say which."""
    context = context_of(request)
    if flag(request, context.limits, "dry_run"):
        return dumped(plans.cleanup(await context.use_cases.plan_cleanup()))
    return dumped(answers.cleanup(await context.use_cases.cleanup()))


async def metrics(request: Request) -> Response:
    """Get metrics in the Prometheus text format."""
    context = context_of(request)
    use_cases = context.use_cases
    cache, system = await use_cases.cache(), await use_cases.system()
    text = context.metrics.render(cache, system, ready=use_cases.ready, now=datetime.now(UTC))
    return Response(text, headers={"Content-Type": CONTENT_TYPE})


async def list_events(request: Request) -> Response:
    """List what happened in the cache lately, or follow it as server-sent events."""
    context = context_of(request)
    options = event_options(request, context.limits)
    if not options.stream:
        return dumped(events.listed(context.use_cases, options))
    views = events.followed(context.use_cases, options)
    return EventStream(events.written(views, context.heartbeat))


async def livez(_request: Request) -> Response:
    """Liveness: the service answers."""
    return dumped(schemas.ProbeOut(status="alive"))


async def readyz(request: Request) -> Response:
    """Readiness: preloading is over, and the service is not shutting down."""
    if not context_of(request).use_cases.ready:
        raise NotReady("Models are being preloaded, or the service is shutting down")
    return dumped(schemas.ProbeOut(status="ready"))


async def _pin(request: Request, *, pinned: bool) -> Response:
    context = context_of(request)
    query_fields(request, context.limits, allowed=())
    return dumped(answers.pin(await context.use_cases.pin(_name(request), pinned=pinned)))


def _name(request: Request) -> str:
    return str(request.path_params["model_name"])
