"""The YAML files of deploy/, and what kustomize makes of a folder of them."""

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with BentoML

from api.settings import Settings
from tests.files import ROOT

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
TOKEN = "for-a-test-and-longer-than-sixteen-characters"  # noqa: S105
OVERLAYS = ("base", "overlays/pvc", "overlays/baked")
GRACE = 30
"""Seconds that the server has for requests under way: docs/OPERATIONS.md."""

Manifest = dict[str, Any]

KEYS_OF_LISTS = {"containers": "name", "volumes": "name", "volumeMounts": "mountPath"}
"""By what kustomize tells the items of these lists apart; other lists are replaced whole."""
KNOWN = {
    "apiVersion",
    "kind",
    "namespace",
    "resources",
    "configMapGenerator",
    "images",
    "patches",
}


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Refuses what YAML allows and every reader takes differently: a key that is given twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise ValueError(f"{node.start_mark}: given twice: {twice}")
        return super().construct_mapping(node, deep)


def documents(path: Path) -> list[Manifest]:
    text = path.read_text(encoding="utf-8")
    return [each for each in yaml.load_all(text, _Loader) if each is not None]


def document(path: Path) -> Manifest:
    (only,) = documents(path)
    return only


def variables(text: str) -> dict[str, str]:
    """Read lines of NAME=VALUE as kustomize does: without quotes, and with # for comments."""
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def composed(folder: Path) -> list[Manifest]:
    """What `kustomize build` gives, as far as our files ask for it; names keep no hash.

    Raises AssertionError for a field of a kustomization that is not known here.
    """
    wanted = document(folder / "kustomization.yaml")
    assert set(wanted) <= KNOWN, f"{folder}: {set(wanted) - KNOWN}"
    found = [each for name in wanted["resources"] for each in _resource(folder / name)]
    for generated in wanted.get("configMapGenerator", ()):
        _generate(found, generated, folder)
    for patch in wanted.get("patches", ()):
        change = document(folder / patch["path"])
        target = one(found, change["kind"], change["metadata"]["name"])
        found[found.index(target)] = _merged(target, change)
    for image in wanted.get("images", ()):
        _rename(found, image)
    for each in found:
        if each["kind"] != "Namespace":
            each["metadata"]["namespace"] = wanted["namespace"]
    return found


def one(found: list[Manifest], kind: str, name: str = "") -> Manifest:
    """The only object of that kind, or of that kind and name."""
    (only,) = [
        each for each in found if each["kind"] == kind and name in ("", each["metadata"]["name"])
    ]
    return only


def pod(found: list[Manifest]) -> Manifest:
    spec: Manifest = one(found, "Deployment")["spec"]["template"]["spec"]
    return spec


def container(found: list[Manifest]) -> Manifest:
    (only,) = pod(found)["containers"]
    return dict(only)


def given(found: list[Manifest]) -> dict[str, str]:
    """The variables that the container starts with."""
    names = [each["configMapRef"]["name"] for each in container(found)["envFrom"]]
    maps = [one(found, "ConfigMap", name)["data"] for name in names]
    return {name: value for each in maps for name, value in each.items()}


def settings_from(
    monkeypatch: pytest.MonkeyPatch, folder: Path, given: Mapping[str, str]
) -> Settings:
    """Read these variables as the service does; files of tokens are files in `folder`."""
    for name, value in given.items():
        monkeypatch.setenv(name, _file(folder / name) if name.endswith("TOKEN_FILE") else value)
    return Settings.from_environment()


def seconds(duration: str) -> int:
    """95s, 2m: what Compose takes for a time."""
    number, unit = re.fullmatch(r"(\d+)(s|m)", duration).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "m": 60}[unit]


def kubectl() -> str:
    """The program that has kustomize in it; skips the test where it is not installed."""
    found = shutil.which("kubectl")
    if found is None:
        pytest.skip("kubectl is not there (neither Debian nor PyPI has it, or kustomize)")
    return found


def _file(path: Path) -> str:
    path.write_text(f"{TOKEN}-{path.name}\n".replace("_", "-"), encoding="utf-8")
    return str(path)


def _resource(path: Path) -> Iterator[Manifest]:
    yield from composed(path) if path.is_dir() else documents(path)


def _generate(found: list[Manifest], generated: Manifest, folder: Path) -> None:
    data: dict[str, str] = {}
    for name in generated.get("envs", ()):
        data |= variables((folder / name).read_text(encoding="utf-8"))
    data |= variables("\n".join(generated.get("literals", ())))
    if generated.get("behavior") == "merge":
        one(found, "ConfigMap", generated["name"])["data"].update(data)
    else:
        head = {"apiVersion": "v1", "kind": "ConfigMap"}
        found.append({**head, "metadata": {"name": generated["name"]}, "data": data})


def _rename(found: list[Manifest], image: Mapping[str, str]) -> None:
    for container in one(found, "Deployment")["spec"]["template"]["spec"]["containers"]:
        if container["image"].partition(":")[0] == image["name"]:
            container["image"] = f"{image['newName']}:{image['newTag']}"


def _merged(before: Any, change: Any, name: str = "") -> Any:
    """A strategic merge: null takes away, and so does `$patch: delete` from a list."""
    if isinstance(before, dict) and isinstance(change, dict):
        both = {key: _merged(before.get(key), value, key) for key, value in change.items()}
        return {key: value for key, value in {**before, **both}.items() if value is not None}
    key = KEYS_OF_LISTS.get(name)
    if not isinstance(before, list) or key is None:
        return change
    changes = {each[key]: each for each in change}
    gone = {name for name, each in changes.items() if each.get("$patch") == "delete"}
    kept = [_merged(each, changes.pop(each[key], {})) for each in before if each[key] not in gone]
    return kept + [each for name, each in changes.items() if name not in gone]
