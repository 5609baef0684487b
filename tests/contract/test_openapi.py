"""OpenAPI shows the documented routes and ours, with the documented examples."""

import re
from typing import Any

import pytest

from api import (
    schemas,
    schemas_compiled,
    schemas_events,
    schemas_plans,
    schemas_predictions,
    schemas_versions,
)
from api.forms import Out
from tests.contract.app_client import client_of
from tests.contract.endpoints import endpoints, error_example, mismatches, overview

OURS = {
    ("POST", "/predict/batch"),
    ("POST", "/models/{model_name}/pin"),
    ("POST", "/models/{model_name}/unpin"),
    ("GET", "/models/{model_name}/versions"),
    ("PUT", "/models/{model_name}/aliases/{alias}"),
    ("DELETE", "/models/{model_name}/aliases/{alias}"),
    ("GET", "/events"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/healthz"),
}
MODULES = (
    schemas,
    schemas_compiled,
    schemas_events,
    schemas_plans,
    schemas_predictions,
    schemas_versions,
)
REQUEST_ID = ("header", "X-Request-ID")


@pytest.fixture(scope="module")
def document() -> Any:
    with client_of() as client:
        return client.get("/openapi.json").json()


def operations(document: Any) -> dict[tuple[str, str], Any]:
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def schema(reference: str) -> type[Out]:
    name = reference.rpartition("/")[2]
    for module in MODULES:
        if hasattr(module, name):
            found: type[Out] = getattr(module, name)
            return found
    raise KeyError(name)


def included(part: Any, whole: Any) -> bool:
    """Say whether `whole` has all that `part` has; objects may have more."""
    if isinstance(part, dict):
        return all(key in whole and included(value, whole[key]) for key, value in part.items())
    return bool(part == whole)


def test_the_routes_are_the_documented_ones_and_ours(document: Any) -> None:
    """Seen failing with /cleanup left out of the table of routes."""
    assert set(operations(document)) == overview() | OURS


@pytest.mark.parametrize("endpoint", endpoints(), ids=lambda endpoint: endpoint.key)
def test_a_route_shows_its_documented_example(document: Any, endpoint: Any) -> None:
    """Seen failing with another label in the example of /predict."""
    operation = operations(document)[endpoint.method, endpoint.path]
    (content,) = operation["responses"]["200"]["content"].values()

    if isinstance(endpoint.response, str):
        assert content["example"] == endpoint.response
    else:
        assert mismatches(endpoint.response, content["example"]) == []
        assert included(endpoint.response, content["example"])


def test_every_example_is_valid_by_its_own_schema(document: Any) -> None:
    """Seen failing with `runner` missing in the example of a model."""
    checked = 0
    for operation in operations(document).values():
        for answer in operation["responses"].values():
            content = answer.get("content", {}).get("application/json")
            if content:
                first, *_ = content["schema"].get("anyOf", [content["schema"]])
                schema(first["$ref"]).model_validate(content["example"], strict=True)
                checked += 1
    assert checked > 40


def test_a_dry_run_has_its_own_schema_with_a_valid_example(document: Any) -> None:
    """Seen failing with the schema of the real run alone."""
    found = operations(document)
    for route, name in (
        ("/models/{model_name}/load", "LoadPlanOut"),
        ("/cleanup", "CleanupPlanOut"),
    ):
        operation = found["POST", route]
        content = operation["responses"]["200"]["content"]["application/json"]
        shown = document["components"]["schemas"][name]

        assert content["schema"]["anyOf"][1] == {"$ref": f"#/components/schemas/{name}"}
        schema(name).model_validate(shown["example"], strict=True)
        assert "dry_run" in [parameter["name"] for parameter in operation["parameters"]]
    assert "class" in document["components"]["schemas"]["StandingOut"]["properties"]


def test_events_are_shown_as_a_list_and_as_a_stream(document: Any) -> None:
    """Seen failing with the JSON example beside the stream."""
    operation = operations(document)["GET", "/events"]
    content = operation["responses"]["200"]["content"]
    names = {(parameter["in"], parameter["name"]) for parameter in operation["parameters"]}

    assert set(content) == {"application/json", "text/event-stream"}
    assert content["text/event-stream"]["example"].startswith(":")
    assert names == {
        ("query", "after"),
        ("query", "limit"),
        ("query", "stream"),
        ("header", "Last-Event-ID"),
        REQUEST_ID,
    }


def test_parameters_and_bodies_are_shown(document: Any) -> None:
    found = operations(document)
    predict = found["POST", "/predict"]
    names = {(parameter["in"], parameter["name"]) for parameter in predict["parameters"]}
    of_model = found["POST", "/models/{model_name}/warmup"]["parameters"]

    texts = {("query", name) for name in ("text", "model_name", "keep_alive", "cache")}
    assert names == {*texts, REQUEST_ID}
    body = predict["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == {"text", "model_name", "keep_alive", "cache"}
    assert "requestBody" in found["POST", "/predict/batch"]
    assert [one["name"] for one in of_model] == ["model_name", "background", REQUEST_ID[1]]


def test_each_route_tells_of_request_ids(document: Any) -> None:
    for operation in operations(document).values():
        assert REQUEST_ID in {(one["in"], one["name"]) for one in operation["parameters"]}
        assert all(REQUEST_ID[1] in one["headers"] for one in operation["responses"].values())


def test_errors_are_shown_with_their_codes(document: Any) -> None:
    answers = operations(document)["POST", "/predict"]["responses"]

    assert set(answers) == {"200", "400", "401", "404", "413", "500", "503"}
    assert "INSUFFICIENT_MEMORY" in answers["503"]["description"]
    example = answers["404"]["content"]["application/json"]["example"]
    assert example == error_example()


def test_the_documentation_page_needs_no_other_host() -> None:
    """Seen failing with FastAPI's own page, which takes its script from a public network."""
    with client_of() as client:
        page = client.get("/docs")
        named = re.findall(r'(?:href|src|url)(?:=|: )["\']([^"\']+)', page.text)
        answers = {address: client.get(address).status_code for address in named}
        other = client.get("/docs/index.css")

    assert page.status_code == 200
    assert "/openapi.json" in answers
    assert len(answers) == 4
    assert set(answers.values()) == {200}
    assert "//" not in page.text
    assert (other.status_code, other.json()["code"]) == (404, "NOT_FOUND")
