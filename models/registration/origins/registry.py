"""Models of an MLflow registry: models:/NAME@ALIAS or models:/NAME/VERSION.

MLflow's client needs older packages than the service has, so it runs in a Python of its own, as a
child that is told line by line what to do. It ends with the registration, however that ends.
"""

import asyncio
import contextlib
import importlib.util
import json
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from models.catalogue import source_of
from models.errors import RegistrationFailed
from models.registration.folder import check_settings, inspect
from models.registration.origins.found import Found
from models.registration.origins.licence import licence_in, licence_of
from models.registration.origins.mlmodel import check_path, choose_files

PYTHON = "MODEL_CACHE_MLFLOW_PYTHON"
"""Of the environment: a Python that has MLflow's client. By default this one, where it has it."""

FETCH_TIMEOUT = 1800.0
"""Seconds for all of it; single requests are given up much sooner."""

_CHILD = Path(__file__).with_name("registry_child.py")
_PLACE = re.compile(r"models:/(?P<name>[^/@:?#%]+)(?:@(?P<alias>[\w-]+)|/(?P<version>\d{1,9}))")
_PATIENCE = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
}
"""Seconds and attempts; MLflow's own would have one wait for minutes."""

_QUIET = {
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
_CREDENTIALS = re.compile(r"//[^/@\s]+@")
_UNREACHABLE = re.compile(r"API request to (\S+?)/api/.*ConnectionPool\(.*: (.*?)[\"')]*$")
"""As its client says so: the server, and at the end of the line the reason."""

_LINE = 16_000_000
"""Bytes of an answer at most: a list of files is a small part of that."""

_ALTERNATIVES = (
    "See to it that it runs and that MLFLOW_TRACKING_URI (or MLFLOW_REGISTRY_URI) names it, or"
    " download the model elsewhere and register the folder with --source dir:PATH"
)


class MlflowNeeded(RegistrationFailed):
    """The source is an MLflow registry, and MLflow's client is not installed."""


async def fetch_model(place: str, room: Path, say: Callable[[str], None]) -> Found:
    """Fetch what `place` stands for now into a folder below `room`, and check it.

    Raises RegistrationFailed; MlflowNeeded where the client is missing.
    """
    match = _PLACE.fullmatch(place)
    if match is None:
        raise RegistrationFailed(
            f"{place!r} is no model of a registry; use mlflow:models:/NAME@ALIAS or"
            " mlflow:models:/NAME/VERSION"
        )
    if not (os.environ.get("MLFLOW_REGISTRY_URI") or os.environ.get("MLFLOW_TRACKING_URI")):
        raise RegistrationFailed(
            "no MLflow server is named: set MLFLOW_TRACKING_URI, e.g. to http://127.0.0.1:5000"
        )
    say(f"Asking MLflow for {place} …")
    try:
        async with asyncio.timeout(FETCH_TIMEOUT), _client() as client:
            return await _fetch(place, match.groupdict(), room, client, say)
    except TimeoutError as error:
        raise RegistrationFailed(
            f"{place} was not there after {FETCH_TIMEOUT:.0f} s. {_ALTERNATIVES}"
        ) from error


async def _fetch(
    place: str,
    asked: Mapping[str, str | None],
    room: Path,
    client: "_Client",
    say: Callable[[str], None],
) -> Found:
    about = await client.ask(do="find", **asked)
    _check_version(place, asked, about)
    fetched, folder = room / "artifacts", room / "fetched"
    fetched.mkdir()
    folder.mkdir()

    async def fetch(path: str) -> Path:
        check_path(path)
        await client.ask(do="fetch", path=path, into=str(fetched))
        file = fetched / path
        if file.is_symlink() or not file.resolve().is_relative_to(fetched.resolve()):
            _refuse(place, f"{path} is a link")
        return file

    if "MLmodel" not in about["files"]:
        _refuse(place, "there is no MLmodel among its files")
    try:
        wanted = choose_files((await fetch("MLmodel")).read_text("utf-8"), about["files"])
    except (RegistrationFailed, UnicodeDecodeError) as error:
        _refuse(place, str(error))
    for name in sorted(wanted.files, key=lambda name: (not name.endswith(".json"), name)):
        say(f"Fetching {wanted.files[name]} …")
        (await fetch(wanted.files[name])).rename(folder / name)
        if name == "config.json":
            settings = {name: folder / name}
            check_settings(Path(place), settings, exported=wanted.kind == "onnx")
    return _found(place, about, folder)


def _found(place: str, about: Mapping[str, Any], folder: Path) -> Found:
    origin = f"mlflow:{place}"
    known = {name: about[name] for name in ("run_id", "model_id") if about.get(name)}
    return Found(
        origin,
        source_of(origin),
        inspect(folder),
        revision=about["version"],
        license=licence_of(about["tags"]) or licence_in(folder),
        about=known,
    )


def _check_version(place: str, asked: Mapping[str, str | None], about: Mapping[str, Any]) -> None:
    """Refuse what is not there, and what had better not be fetched."""
    if about.get("unknown") == "model":
        listed = ", ".join(about["models"]) or "none"
        raise RegistrationFailed(f"MLflow has no model {asked['name']}. Its models: {listed}")
    if about.get("unknown"):
        aliases = ", ".join(f"@{alias}" for alias in about["aliases"]) or "none"
        versions = ", ".join(f"/{version}" for version in about["versions"]) or "none"
        raise RegistrationFailed(
            f"MLflow has no {place}. {asked['name']} has the aliases {aliases} and the versions"
            f" {versions}"
        )
    if about["status"] != "READY":
        _refuse(place, f"its version {about['version']} is {about['status']}, not READY")
    if about["links"]:
        _refuse(place, f"{about['links'][0]} is a link; log the file itself")


def _refuse(place: str, why: str) -> NoReturn:
    raise RegistrationFailed(f"{place}: {why}")


class _Client:
    """The child's two ends."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._last = ""

    async def ask(self, **order: Any) -> dict[str, Any]:
        """Its answer. Raises RegistrationFailed with what MLflow says."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RegistrationFailed("MLflow's client cannot be spoken to")
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            await self._process.stdin.drain()
        line = await self._process.stdout.readline()
        if not line:
            raise RegistrationFailed(f"MLflow's client died: {self._last or 'it said nothing'}")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise RegistrationFailed(_told(answer["failed"], answer["code"]))
        return answer

    async def listen(self) -> None:
        """Keep the last line of what libraries say, so that they are never held up by it."""
        if self._process.stderr is not None:
            while said := await self._process.stderr.read(65_536):
                lines = said.decode(errors="replace").split("\n")
                self._last = next((one for one in reversed(lines) if one.strip()), self._last)


def _told(why: str, code: str) -> str:
    """MLflow's error in one line, without a password that stands in an address."""
    line = _CREDENTIALS.sub("//…@", why.strip().partition("\n")[0])
    if code not in {"", "INTERNAL_ERROR"}:
        return f"MLflow refused: {line} ({code}). {_ALTERNATIVES}"
    unreachable = _UNREACHABLE.search(line)
    if unreachable is None:
        return f"the MLflow server cannot be used ({line}). {_ALTERNATIVES}"
    server, reason = unreachable.groups()
    return f"the MLflow server {server} cannot be reached ({reason}). {_ALTERNATIVES}"


@contextlib.asynccontextmanager
async def _client() -> AsyncIterator[_Client]:
    """The child; it and what it started are gone when the block is left."""
    environment = _PATIENCE | {**os.environ} | _QUIET
    process = await asyncio.create_subprocess_exec(
        _python(), "-I", str(_CHILD),
        stdin=PIPE, stdout=PIPE, stderr=PIPE,
        env=environment, start_new_session=True, limit=_LINE,
    )  # fmt: skip
    client = _Client(process)
    listening = asyncio.create_task(client.listen())
    try:
        yield client
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        listening.cancel()
        await process.wait()


def _python() -> str:
    chosen = os.environ.get(PYTHON)
    if chosen:
        return chosen
    if importlib.util.find_spec("mlflow") is None:
        raise MlflowNeeded(
            "a model in MLflow needs MLflow's client, which is not installed; scripts/register"
            f" installs it, or name a Python that has it with {PYTHON}"
        )
    return sys.executable
