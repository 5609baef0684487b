"""OpenAPI shows the documented routes and ours, with the documented examples."""

import re
from typing import Any

import pytest

from api import schemas
from tests.contract.app_client import client_of
from tests.contract.endpoints import endpoints, error_example, mismatches, overview

OURS = {
    ("POST", "/predict/batch"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/healthz"),
}


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
                name = content["schema"]["$ref"].rpartition("/")[2]
                getattr(schemas, name).model_validate(content["example"], strict=True)
                checked += 1
    assert checked > 25


def test_parameters_and_bodies_are_shown(document: Any) -> None:
    found = operations(document)
    predict = found["POST", "/predict"]
    names = {(parameter["in"], parameter["name"]) for parameter in predict["parameters"]}
    of_model = found["POST", "/models/{model_name}/warmup"]["parameters"]

    assert names == {("query", "text"), ("query", "model_name")}
    assert set(predict["requestBody"]["content"]["application/json"]["schema"]["properties"]) == {
        "text",
        "model_name",
    }
    assert "requestBody" in found["POST", "/predict/batch"]
    assert [parameter["name"] for parameter in of_model] == ["model_name", "background"]


def test_errors_are_shown_with_their_codes(document: Any) -> None:
    answers = operations(document)["POST", "/predict"]["responses"]

    assert set(answers) == {"200", "400", "404", "413", "500", "503"}
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
