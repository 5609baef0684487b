"""The pod of deploy/kubernetes: what it may do, what it is told, and how long it is given."""

from pathlib import Path

import pytest

from api.hosting import PORT
from tests.manifests import (
    DEPLOY,
    GRACE,
    KUBERNETES,
    OVERLAYS,
    Manifest,
    composed,
    container,
    document,
    given,
    one,
    pod,
    settings_from,
)

BAKED = "/home/bentoml/store"


@pytest.fixture(params=OVERLAYS)
def found(request: pytest.FixtureRequest) -> list[Manifest]:
    return composed(KUBERNETES / request.param)


def test_probes_ask_the_routes_that_are_for_them(found: list[Manifest]) -> None:
    """A liveness probe of /readyz would restart what preloads. Seen failing with that."""
    asked = {
        name: container(found)[f"{name}Probe"]["httpGet"]
        for name in ("startup", "liveness", "readiness")
    }

    assert {name: each["path"] for name, each in asked.items()} == {
        "startup": "/livez",
        "liveness": "/livez",
        "readiness": "/readyz",
    }
    assert {each["port"] for each in asked.values()} == {"http"}


def test_the_service_listens_where_it_is_looked_for(found: list[Manifest]) -> None:
    """Seen failing without BENTOML_PORT."""
    (inside,) = container(found)["ports"]
    (outside,) = one(found, "Service")["spec"]["ports"]

    assert inside == {"name": "http", "containerPort": PORT}
    assert outside == {"name": "http", "port": PORT, "targetPort": "http"}
    assert given(found)["BENTOML_PORT"] == str(PORT)


def test_the_container_may_do_nothing_that_it_need_not(found: list[Manifest]) -> None:
    """Planted faults: a writable root, the service account's token, a capability kept."""
    assert container(found)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod(found)["securityContext"]["runAsNonRoot"] is True
    assert pod(found)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod(found)["automountServiceAccountToken"] is False
    enforced = one(found, "Namespace")["metadata"]["labels"]
    assert enforced["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_settings_are_real_and_usable(
    found: list[Manifest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Seen failing with MODEL_CACHE_CORE, and with a list that is no JSON."""
    settings = settings_from(monkeypatch, tmp_path, given(found))

    assert settings.keys().admin
    assert settings.keys().predict
    assert settings.cores == int(container(found)["resources"]["requests"]["cpu"])


def test_memory_that_is_counted_on_is_there(found: list[Manifest]) -> None:
    """The service sizes its budget by the limit. Seen failing with a smaller request."""
    resources = container(found)["resources"]

    assert resources["limits"]["memory"] == resources["requests"]["memory"]


def test_a_pod_has_the_time_to_end_what_it_does(
    found: list[Manifest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As docs/OPERATIONS.md counts it. Seen failing with the default of 30 s."""
    settings = settings_from(monkeypatch, tmp_path, given(found))
    needed = GRACE + settings.shutdown_delay + settings.request_timeout

    assert container(found)["args"] == ["serve", "--timeout-graceful-shutdown", str(GRACE)]
    assert pod(found)["terminationGracePeriodSeconds"] > needed
    assert settings.shutdown_delay > container(found)["readinessProbe"]["periodSeconds"]


def test_what_the_service_writes_to_is_mounted(found: list[Manifest]) -> None:
    """With a read-only root. Planted faults: no /tmp, a mount without a volume, another home."""
    mounted = {each["mountPath"]: each["name"] for each in container(found)["volumeMounts"]}
    home = given(found)["BENTOML_HOME"]

    assert set(mounted.values()) == {each["name"] for each in pod(found)["volumes"]}
    assert given(found)["MODEL_CACHE_JOURNAL"].startswith("/tmp/")  # noqa: S108
    assert "/tmp" in mounted  # noqa: S108
    assert home in mounted or home == BAKED
    assert one(found, "Deployment")["spec"]["template"]["spec"]["enableServiceLinks"] is False


def test_the_baked_image_has_the_home_that_its_overlay_names() -> None:
    """Seen failing with another folder in the Dockerfile."""
    baked = composed(KUBERNETES / "overlays/baked")
    recipe = (KUBERNETES / "overlays/baked/Dockerfile").read_text(encoding="utf-8")

    assert given(baked)["BENTOML_HOME"] == BAKED
    assert f"ENV BENTOML_HOME={BAKED}\n" in recipe
    assert container(baked)["image"] == "model-cache-baked:latest"


def test_the_shared_store_is_one_that_all_pods_can_mount_and_watch() -> None:
    """Seen failing with ReadWriteOnce, and with the notices of a local disk."""
    shared = composed(KUBERNETES / "overlays/pvc")
    claim = one(shared, "PersistentVolumeClaim")
    (volume,) = [each for each in pod(shared)["volumes"] if each["name"] == "store"]

    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert volume == {
        "name": "store",
        "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]},
    }
    assert given(shared)["MODEL_CACHE_STORE_WATCH"] == "poll"


def test_the_tokens_come_from_the_secret_that_is_made_for_them(found: list[Manifest]) -> None:
    """Without it no pod may start. Planted faults: `optional: true`, another key."""
    (made,) = document(DEPLOY / "tokens" / "kustomization.yaml")["secretGenerator"]
    (mount,) = [each for each in container(found)["volumeMounts"] if each["name"] == "tokens"]
    (volume,) = [each for each in pod(found)["volumes"] if each["name"] == "tokens"]
    files = {value for name, value in given(found).items() if name.endswith("_TOKEN_FILE")}

    assert volume["secret"] == {"secretName": made["name"], "defaultMode": 0o440}
    assert made["options"] == {"disableNameSuffixHash": True}
    assert files == {f"{mount['mountPath']}/{name}" for name in made["files"]}
