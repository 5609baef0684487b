"""deploy/haproxy/compose.yaml: read strictly; it fits the proxy's file and the other Compose's."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from compose_spec import PyCompose

from tests.manifests import DEPLOY, Manifest, document, settings_from

FOLDER = DEPLOY / "haproxy"
COMPOSE: Manifest = document(FOLDER / "compose.yaml")
SERVICES: dict[str, Manifest] = COMPOSE["services"]
ONE: dict[str, Manifest] = document(DEPLOY / "compose.yaml")["services"]
REPLICAS = ("replica-1", "replica-2", "replica-3")
OWN = {"MODEL_CACHE_JOURNAL", "MODEL_CACHE_PRELOAD_MODELS"}


def without(service: Manifest, *names: str) -> Manifest:
    return {name: value for name, value in service.items() if name not in names}


def test_it_is_a_compose_file() -> None:
    """By a strict reader of the specification. Planted fault: `mem_limits`."""
    assert set(PyCompose.from_json(json.dumps(COMPOSE)).service_names()) == set(SERVICES)


def test_its_secrets_and_volumes_are_declared_and_the_proxy_s_file_is_there() -> None:
    """Planted faults: a secret that nobody declares, a file in another folder."""
    (mount,) = SERVICES["proxy"]["volumes"]
    tokens = {each["file"] for each in COMPOSE["secrets"].values()}

    assert (FOLDER / mount.split(":")[0]).is_file()
    assert tokens == {f"../tokens/{name}" for name in SERVICES["replica-1"]["secrets"]}
    assert {mount for name in REPLICAS for mount in SERVICES[name]["volumes"]} == {"store:/store"}
    assert set(COMPOSE["volumes"]) == {"store"}


@pytest.mark.parametrize("name", REPLICAS)
def test_a_replica_is_the_one_service_without_its_port(name: str) -> None:
    """Planted faults: a capability, another stop, a port of its own."""
    replica, one = SERVICES[name], ONE["model-cache"]

    assert without(replica, "environment") == without(one, "environment", "ports")
    assert without(replica["environment"], *OWN) == without(one["environment"], *OWN)
    assert SERVICES["store-owner"] == ONE["store-owner"]


def test_no_two_replicas_share_a_journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """SQLite's file must have one writer. Planted fault: the same for two."""
    journals: set[Any] = {
        settings_from(monkeypatch, tmp_path, SERVICES[name]["environment"]).journal
        for name in REPLICAS
    }

    assert len(journals - {None}) == len(REPLICAS)


def test_the_proxy_finds_the_replicas_and_their_default_model() -> None:
    """Planted faults: a replica renamed, the proxy left with its own default model."""
    text = (FOLDER / "haproxy.cfg").read_text(encoding="utf-8")
    told = {SERVICES[name]["environment"]["MODEL_CACHE_DEFAULT_MODEL"] for name in REPLICAS}

    assert re.findall(r"presetenv REPLICA_\d (.*)", text) == [f"{name}:8003" for name in REPLICAS]
    assert told == {SERVICES["proxy"]["environment"]["MODEL_CACHE_DEFAULT_MODEL"]}
    assert set(SERVICES["proxy"]["depends_on"]) == set(REPLICAS)


def test_the_proxy_may_do_nothing_that_it_need_not_and_is_for_this_machine_alone() -> None:
    """Planted faults: `privileged`, "8003:8003"."""
    proxy = SERVICES["proxy"]

    assert (proxy["read_only"], proxy["cap_drop"]) == (True, ["ALL"])
    assert proxy["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "user", "devices"} & set(proxy)
    assert proxy["ports"] == ["127.0.0.1:8003:8003"]
    assert [name for name in SERVICES if name != "proxy" and "ports" in SERVICES[name]] == []
