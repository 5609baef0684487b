"""MLflow's client, in a Python that has it: answers orders, each a line of JSON, one by one.

Run as a file by `registry.py`, in an environment that has nothing of this project. It fetches what
it is told to, decides nothing, and loads no model.
"""

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

_LISTED = 20
_DEEP = 8
"""Folders in folders; MLflow's own flavours have three."""


def main() -> None:
    """Standard output is for answers alone: what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    desk = _Desk()
    for line in sys.stdin:
        answers.write(json.dumps(_answer(desk, json.loads(line))) + "\n")
        answers.flush()


def _answer(desk: "_Desk", order: dict[str, Any]) -> dict[str, Any]:
    try:
        return desk.find(order) if order["do"] == "find" else desk.fetch(order)
    except Exception as error:  # noqa: BLE001  # told to the parent, whatever it is
        code = getattr(error, "error_code", "")
        return {"failed": str(error) or type(error).__name__, "code": code}


class _Desk:
    def __init__(self) -> None:
        self._client: Any = None
        self._files: Any = None

    def find(self, order: dict[str, Any]) -> dict[str, Any]:
        """The version that `name` and `alias` or `version` mean, and its files."""
        mlflow = importlib.import_module("mlflow")
        repositories = importlib.import_module("mlflow.store.artifact.artifact_repository_registry")
        self._client = mlflow.MlflowClient()
        about = self._version(mlflow, order)
        if "unknown" in about:
            return about
        uri = self._client.get_model_version_download_uri(order["name"], about["version"])
        self._files = repositories.get_artifact_repository(uri)
        return about | {"links": _links(uri), "files": self._list("", 0)}

    def fetch(self, order: dict[str, Any]) -> dict[str, Any]:
        """One file, into the folder `into`."""
        return {"path": self._files.download_artifacts(order["path"], dst_path=order["into"])}

    def _version(self, mlflow: Any, order: dict[str, Any]) -> dict[str, Any]:
        name, alias = order["name"], order.get("alias")
        try:
            if alias:
                found = self._client.get_model_version_by_alias(name, alias)
            else:
                found = self._client.get_model_version(name, order["version"])
        except mlflow.exceptions.MlflowException as error:
            if error.error_code not in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                raise
            return self._unknown(mlflow, name)
        return {
            "version": str(found.version),
            "status": str(found.status),
            "tags": {str(key): str(value) for key, value in (found.tags or {}).items()},
            "run_id": found.run_id or None,
            "model_id": getattr(found, "model_id", None) or _logged_model(found.source),
        }

    def _unknown(self, mlflow: Any, name: str) -> dict[str, Any]:
        """What there is in place of what was asked for."""
        try:
            aliases = self._client.get_registered_model(name).aliases
        except mlflow.exceptions.MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            models = self._client.search_registered_models(max_results=_LISTED)
            return {"unknown": "model", "models": [model.name for model in models]}
        found = self._client.search_model_versions(f"name='{name}'", max_results=_LISTED)
        return {
            "unknown": "version",
            "aliases": sorted(aliases),
            "versions": sorted(int(each.version) for each in found),
        }

    def _list(self, folder: str, depth: int) -> list[str]:
        if depth > _DEEP:
            return []
        found: list[str] = []
        for entry in self._files.list_artifacts(folder):
            found += self._list(entry.path, depth + 1) if entry.is_dir else [entry.path]
        return found


def _logged_model(source: str | None) -> str | None:
    """The id in models:/ID, which is what a version was made of."""
    _, mark, place = (source or "").partition("models:/")
    return place if mark and place.startswith("m-") and "/" not in place else None


def _links(uri: str) -> list[str]:
    """Symbolic links among the files of a store on this machine: a download would follow them."""
    place = urlparse(uri)
    if place.scheme not in {"", "file"}:
        return []
    root = Path(unquote(place.path))
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_symlink()]


if __name__ == "__main__":
    main()
