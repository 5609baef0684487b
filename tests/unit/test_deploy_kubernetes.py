"""deploy/kubernetes: valid for an exact version of Kubernetes, and its parts fit one another.

No cluster is there. Kinds of Kubernetes itself are held against its schemas; kustomize is done in
tests/manifests.py, and compared with the real one where kubectl is installed. ServiceMonitor is
the Prometheus operator's: of it, only what must fit ours is looked at.
"""

import json
import re
import subprocess
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml  # type: ignore[import-untyped]  # comes with BentoML

from tests.manifests import KUBERNETES, OVERLAYS, Manifest, composed, document, kubectl, one, pod
from tests.unit.test_metrics import rendered, used_metrics

VERSION = "1.34"
LABELS = {"app.kubernetes.io/name": "model-cache"}
HASHED = re.compile(r"^(model-cache-settings)-\w{10}$")


@pytest.fixture(params=OVERLAYS)
def found(request: pytest.FixtureRequest) -> list[Manifest]:
    return composed(KUBERNETES / request.param)


def unordered(value: Any) -> Any:
    """Without the order of lists of objects, and the hash that kustomize puts behind a name."""
    if isinstance(value, dict):
        return {key: unordered(each) for key, each in value.items()}
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return sorted((unordered(each) for each in value), key=sorted_keys)
    return HASHED.sub(r"\1", value) if isinstance(value, str) else value


def sorted_keys(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def test_every_manifest_is_valid_for_one_version_of_kubernetes(found: list[Manifest]) -> None:
    """Strict. Planted faults: `readinesProbe`, a port that is text, `maxUnavailable` misspelt."""
    for each in found:
        kubernetes_validate.validate(each, VERSION, strict=True)


@pytest.mark.parametrize("folder", [*OVERLAYS, "monitoring"])
def test_kustomize_makes_of_it_what_is_looked_at_here(folder: str) -> None:
    """Seen failing with `$patch: delete` left undone, and with null kept."""
    built = subprocess.run(
        [kubectl(), "kustomize", KUBERNETES / folder],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    theirs = list(yaml.safe_load_all(built.stdout))

    assert unordered(theirs) == unordered(composed(KUBERNETES / folder))


def test_no_file_is_left_out_of_its_kustomization() -> None:
    """Planted fault: network-policy.yaml not listed."""
    for path in KUBERNETES.rglob("kustomization.yaml"):
        wanted = document(path)
        named = {name for name in wanted["resources"] if name.endswith(".yaml")}
        named |= {patch["path"] for patch in wanted.get("patches", ())}
        assert named == {each.name for each in path.parent.glob("*.yaml")} - {path.name}, path


def test_all_parts_mean_the_same_pods(found: list[Manifest]) -> None:
    """Seen failing with the label of the disruption budget changed."""
    deployment = one(found, "Deployment")
    (spread,) = pod(found)["topologySpreadConstraints"]
    chosen = [
        deployment["spec"]["selector"]["matchLabels"],
        one(found, "Service")["spec"]["selector"],
        one(found, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one(found, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        spread["labelSelector"]["matchLabels"],
    ]

    assert deployment["spec"]["template"]["metadata"]["labels"] == LABELS
    assert chosen == [LABELS] * len(chosen)
    assert one(found, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"] == {
        "apiVersion": deployment["apiVersion"],
        "kind": "Deployment",
        "name": deployment["metadata"]["name"],
    }
    names = {each["metadata"].get("namespace") for each in found if each["kind"] != "Namespace"}
    assert names == {one(found, "Namespace")["metadata"]["name"]}


def test_the_autoscaler_follows_series_that_there_are(found: list[Manifest]) -> None:
    """Memory must not be one: a cache fills it. Seen failing with model_cache_waiters."""
    metrics = one(found, "HorizontalPodAutoscaler")["spec"]["metrics"]
    (own,) = [each["pods"]["metric"]["name"] for each in metrics if each["type"] == "Pods"]

    assert f"\n{own} " in rendered(used_metrics())
    assert [each["resource"]["name"] for each in metrics if each["type"] == "Resource"] == ["cpu"]


def test_the_network_lets_in_one_port_and_out_only_names(found: list[Manifest]) -> None:
    """Planted faults: an egress rule without ports, Egress not among the types."""
    policy = one(found, "NetworkPolicy")["spec"]
    (inward,), (outward,) = policy["ingress"], policy["egress"]

    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert inward["ports"] == [{"protocol": "TCP", "port": "http"}]
    assert all("namespaceSelector" in each for each in inward["from"] + outward["to"])
    assert {each["port"] for each in outward["ports"]} == {53}


def test_the_operator_scrapes_our_service() -> None:
    """By its own few fields: there is no schema of them here. Seen failing with port 8003."""
    (monitor,) = composed(KUBERNETES / "monitoring")
    service = one(composed(KUBERNETES / "base"), "Service")
    (endpoint,) = monitor["spec"]["endpoints"]

    assert (monitor["apiVersion"], monitor["kind"]) == (
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
    )
    assert set(monitor["spec"]) == {"selector", "endpoints"}
    assert monitor["spec"]["selector"]["matchLabels"] == service["metadata"]["labels"]
    assert monitor["metadata"]["namespace"] == "model-cache"
    assert endpoint["path"] == "/metrics"
    assert endpoint["port"] in {each["name"] for each in service["spec"]["ports"]}
