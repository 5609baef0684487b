"""deploy/ as a whole, BentoCloud and Yatai: no address, no secret, only settings that there are.

BentoCloud's file is read with the classes that `bentoml deploy -f` reads it with. Of Yatai's kinds
there is no schema to be had: only what must fit ours is looked at.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from bentoml._internal.cloud.schemas.modelschemas import DeploymentStrategy
from bentoml._internal.cloud.schemas.schemasv2 import CreateDeploymentSchema
from bentoml._internal.utils.cattr import bentoml_cattr

from tests.files import MACHINE_PATH, ROOT
from tests.manifests import DEPLOY, Manifest, document, documents, settings_from

FILES = sorted(path for path in DEPLOY.rglob("*") if path.suffix in {".yaml", ".yml", ".env"})
TOKENS = {"admin-token", "predict-token", "grafana-password"}
OF_A_REGISTRY = re.compile(r"(?:image|newName|FROM):?\s+[\"']?[\w-]*[.:][\w.:-]*/")
"""An image's name that begins with a host: one with a dot or a port before the first slash."""
BENTOCLOUD: Manifest = document(DEPLOY / "bentocloud" / "deployment.yaml")


def secrets_in(value: Any, path: str = "") -> list[str]:
    """Where a value stands that should be a secret's: of a Secret, or named like one."""
    if isinstance(value, list):
        return [each for item in value for each in secrets_in(item, path)]
    if not isinstance(value, dict):
        return []
    found = [f"{path}: Secret"] if value.get("kind") == "Secret" else []
    name = str(value.get("name", ""))
    pairs = [*value.items(), *([(name, value["value"])] if "value" in value else [])]
    found += [
        f"{path}.{key}"
        for key, each in pairs
        if re.search(r"(?i)(token|password|secret)s?$", str(key)) and isinstance(each, str)
    ]
    return found + [
        each for key, item in value.items() for each in secrets_in(item, f"{path}.{key}")
    ]


def envs(given: list[Manifest]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in given if "value" in each}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_no_file_has_an_address_of_a_registry_or_a_path_of_a_machine(path: Path) -> None:
    """Planted faults: `image: registry.example.com/model-cache:1`, a folder below /opt."""
    text = path.read_text(encoding="utf-8")

    assert OF_A_REGISTRY.findall(text) == []
    assert MACHINE_PATH.findall(text) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_no_file_has_a_secret(path: Path) -> None:
    """Planted: MODEL_CACHE_ADMIN_TOKEN with a value in a map, in a list and in settings.env."""
    if path.suffix == ".env":
        assert not re.search(r"(?im)(TOKEN|PASSWORD|SECRET)=", path.read_text(encoding="utf-8"))
    else:
        assert secrets_in(documents(path)) == []


def test_git_takes_no_token() -> None:
    """Planted fault: `!admin-token` in .gitignore."""
    lines = (DEPLOY / "tokens" / ".gitignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if not line.startswith("#")]

    assert rules == ["*", "!.gitignore", "!kustomization.yaml"]


def test_bentocloud_reads_the_whole_deployment() -> None:
    """What its classes don't know they drop. Planted faults: `instance`, `replicas: {min: 1}`."""
    read = bentoml_cattr.structure(BENTOCLOUD, CreateDeploymentSchema)
    dropped_when_default = {"access_authorization": False}

    assert {**dropped_when_default, **bentoml_cattr.unstructure(read)} == BENTOCLOUD


def test_bentocloud_names_our_service_and_bento() -> None:
    """Seen failing with the Bento's name as the service's."""
    (name,) = BENTOCLOUD["services"]
    service = BENTOCLOUD["services"][name]
    bentofile = document(ROOT / "bentofile.yaml")

    assert bentofile["service"] == f"service:{name}"
    assert BENTOCLOUD["bento"] == f"{bentofile['name']}:latest"
    assert service["deployment_strategy"] in {each.value for each in DeploymentStrategy}
    assert service["scaling"]["min_replicas"] >= 1


def test_bentocloud_has_our_tokens_and_no_other_lock(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Both want the same header. Seen failing with access_authorization."""
    settings = settings_from(monkeypatch, tmp_path, envs(BENTOCLOUD["envs"]))

    assert BENTOCLOUD["access_authorization"] is False
    assert BENTOCLOUD["secrets"] == ["model-cache-tokens"]
    assert settings.cores is not None


def test_yatai_is_marked_as_legacy_and_fits_our_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Planted faults: the mark gone, a token given with its value, another setting's name."""
    path = DEPLOY / "yatai" / "deployment.yaml"
    bento, deployment = documents(path)
    given = deployment["spec"]["envs"]
    held = {
        each["name"]: each["valueFrom"]["secretKeyRef"] for each in given if "valueFrom" in each
    }
    settings = settings_from(monkeypatch, tmp_path, envs(given))

    assert path.read_text(encoding="utf-8").startswith("# LEGACY")
    assert bento["apiVersion"] == "resources.yatai.ai/v1alpha1"
    assert deployment["apiVersion"] == "serving.yatai.ai/v2alpha1"
    assert deployment["spec"]["bento"] == bento["metadata"]["name"]
    assert held == {
        "MODEL_CACHE_ADMIN_TOKEN": {"name": "model-cache-tokens", "key": "admin-token"},
        "MODEL_CACHE_PREDICT_TOKEN": {"name": "model-cache-tokens", "key": "predict-token"},
    }
    assert str(settings.cores) == deployment["spec"]["resources"]["requests"]["cpu"]


def test_the_document_names_each_folder_and_only_files_that_there_are() -> None:
    """Planted faults: a folder without a word, a path that was renamed."""
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bdeploy/[\w./-]*\w", text))
    made = {f"deploy/tokens/{name}" for name in TOKENS}

    assert [name for name in sorted(named - made) if not (ROOT / name).exists()] == []
    for folder in ("compose.yaml", "haproxy", "kubernetes", "tokens", "bentocloud", "yatai"):
        assert f"deploy/{folder}" in text
