"""The routes about versions and aliases, over fake use cases."""

from api.schemas_versions import AliasOut, VersionsOut
from models.errors import AliasNotSet
from tests.contract.app_client import client_of
from tests.fakes_api import FakeUseCases
from tests.fakes_models import BERT, DEBERTA

ALIASES = f"/models/{DEBERTA}/aliases"


def test_the_versions_of_a_model_are_listed_in_the_units_of_the_contract() -> None:
    """Seen failing with the setback left out."""
    with client_of() as client:
        client.put(f"{ALIASES}/champion", json={"version": "v1"})
        response = client.get(f"/models/{DEBERTA}/versions")

    VersionsOut.model_validate_json(response.text, strict=True)
    [version] = response.json()["versions"]
    assert response.json()["current"] == "v1"
    assert response.json()["aliases"] == {"champion": "v1"}
    assert version["created_at"] == "2024-01-01T00:00:00Z"
    assert version["size_mb"] == 512.3
    assert version["aliases"] == ["champion", "latest"]
    assert version["parity"]["agreement"] == 0.998
    assert version["swap_failure"] == {
        "error": "mine:v1 answered (nan,)",
        "at": "2024-01-01T00:00:00Z",
        "held": True,
    }


def test_a_model_that_is_not_registered_has_no_versions() -> None:
    with client_of() as client:
        body = client.get(f"/models/{BERT}/versions").json()

    assert (body["current"], body["versions"]) == (None, [])


def test_an_alias_is_set_and_deleted_and_both_may_be_repeated() -> None:
    """Seen failing with DELETE answering 404 the second time."""
    with client_of() as client:
        set_twice = [client.put(f"{ALIASES}/champion", json={"version": "v1"}) for _ in range(2)]
        gone_twice = [client.delete(f"{ALIASES}/champion") for _ in range(2)]

    bodies = [AliasOut.model_validate_json(r.text, strict=True) for r in (*set_twice, *gone_twice)]
    assert [r.status_code for r in (*set_twice, *gone_twice)] == [200] * 4
    assert [b.version for b in bodies] == ["v1", "v1", None, None]
    assert [b.previous_version for b in bodies] == [None, "v1", "v1", None]


def test_a_model_is_named_with_an_at_sign_wherever_it_is_named() -> None:
    """The path and the parameters leave it as it is: the use cases are asked for `NAME@v1`."""
    fake = FakeUseCases()
    name = f"{DEBERTA}@v1"
    with client_of(fake) as client:
        shown = client.get(f"/models/{name}")
        loaded = client.post(f"/models/{name}/load")
        predicted = client.post("/predict", params={"text": "a", "model_name": name})
        batch = client.post("/predict/batch", json={"texts": ["a"], "model_name": name})

    assert [r.status_code for r in (shown, loaded, predicted, batch)] == [200] * 4
    assert predicted.json()["model_used"] == name


def test_an_answer_says_which_version_gave_it() -> None:
    with client_of() as client:
        one = client.post("/predict?text=a").json()
        batch = client.post("/predict/batch", json={"texts": ["a", "b"]}).json()

    assert one["model_version"] == "v1"
    assert [result["model_version"] for result in batch["results"]] == ["v1", "v1"]


def test_models_show_their_version_and_its_aliases() -> None:
    """Beside the documented fields, in the list and in the detail."""
    with client_of() as client:
        client.put(f"{ALIASES}/champion", json={"version": "v1"})
        listed = client.get("/models").json()["models"]
        detail = client.get(f"/models/{DEBERTA}").json()

    assert (detail["version"], detail["aliases"]) == ("v1", ["champion", "latest"])
    assert (listed[DEBERTA]["version"], listed[DEBERTA]["aliases"]) == ("v1", detail["aliases"])
    assert (listed[BERT]["version"], listed[BERT]["aliases"]) == (None, [])


def test_a_store_that_cannot_be_written_is_told() -> None:
    fake = FakeUseCases(failure=AliasNotSet("the aliases are as they were: try again"))
    with client_of(fake) as client:
        response = client.put(f"{ALIASES}/champion", json={"version": "v1"})

    assert (response.status_code, response.json()["code"]) == (500, "INTERNAL_ERROR")
    assert "try again" in response.json()["error"]
