"""Models of the Hugging Face hub: "REPO" or "REPO@REVISION", by way of its cache on disk."""

import logging
import re
from collections.abc import Callable
from pathlib import Path

from models.errors import RegistrationFailed
from models.registration.folder import check_settings, is_exported

_WEIGHTS_AND_SETTINGS = re.compile(
    r".*\.(onnx|onnx\.data|onnx_data|safetensors|safetensors\.index\.json)"
    r"|(config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\.json"
    r"|vocab\.txt|merges\.txt|(spm|spiece|sentencepiece\.bpe)\.model"
)
_EXPORTS = (".onnx", ".onnx.data", ".onnx_data")
_CARD = "README.md"
"""Fetched for the licence that it names."""

_REPO = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+|[\w.-]+)(?:@(?P<revision>[\w./-]+))?", re.ASCII)
_PATIENCE = 10.0
"""Seconds for the hub to answer at all."""

_ALTERNATIVES = (
    "Register a local folder with --source dir:PATH, name a mirror with HF_ENDPOINT, or fill the"
    " cache elsewhere and set HF_HUB_OFFLINE=1"
)


def find_snapshot(place: str, say: Callable[[str], None]) -> tuple[str, Path]:
    """The repository's name, and the snapshot's folder, named for its commit.

    Blocks. Raises RegistrationFailed.
    """
    match = _REPO.fullmatch(place)
    if match is None:
        raise RegistrationFailed(f"{place!r} is no repository; use hf:OWNER/NAME")
    return match["repo"], download(match["repo"], match["revision"], say)


def download(repo: str, revision: str | None, say: Callable[[str], None]) -> Path:
    """The snapshot's folder in the Hugging Face cache."""
    from huggingface_hub.errors import (  # noqa: PLC0415  # slow to import
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    say(f"Asking the Hugging Face hub for {repo} …")
    try:
        return _fetch(repo, revision, say)
    except RegistrationFailed:
        raise
    except GatedRepoError as error:
        reason = f"{repo} asks for permission: accept its terms on the hub and set HF_TOKEN"
        raise RegistrationFailed(reason) from error
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        reason = f"the hub has no {repo}{f' at {revision}' if revision else ''} that you may read"
        raise RegistrationFailed(f"{reason} (HF_TOKEN for a private one)") from error
    except Exception as error:  # noqa: BLE001  # its HTTP client's errors have no base to name
        return _cached(repo, revision, error)


def _fetch(repo: str, revision: str | None, say: Callable[[str], None]) -> Path:
    """What is wanted of the repository. `snapshot_download` would ask without a time limit."""
    from huggingface_hub import HfApi, hf_hub_download  # noqa: PLC0415

    about = HfApi().model_info(repo, revision=revision, timeout=_PATIENCE)
    there = [file.rfilename for file in about.siblings or ()]
    wanted = [name for name in there if _WEIGHTS_AND_SETTINGS.fullmatch(name) and "/" not in name]
    if not wanted:
        raise RegistrationFailed(f"{repo} has no files of a model at its top level")
    if _CARD in there:
        wanted.append(_CARD)
    folders = set()
    exported = True
    for name in sorted(wanted, key=lambda name: (not name.endswith(".json"), name)):
        if name.endswith(_EXPORTS) and not exported:
            continue
        say(f"Fetching {name} …")
        file = Path(hf_hub_download(repo, name, revision=revision, etag_timeout=_PATIENCE))
        folders.add(file.parent)
        if name == "config.json":
            exported = is_exported(Path(repo), {name: file}, wanted)
            check_settings(Path(repo), {name: file}, exported=exported)
    if len(folders) > 1:
        raise RegistrationFailed(f"{repo} was changed while it was fetched; try again")
    return folders.pop()


def _cached(repo: str, revision: str | None, reason: Exception) -> Path:
    """The snapshot as far as it is in the cache; `reason` is why the hub was of no use."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415
    from huggingface_hub.errors import LocalEntryNotFoundError  # noqa: PLC0415

    try:
        return Path(snapshot_download(repo, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        told = str(reason).strip().partition("\n")[0] or type(reason).__name__
        raise RegistrationFailed(
            f"the Hugging Face hub cannot be reached ({told}), and {repo} is not in its cache."
            f" {_ALTERNATIVES}"
        ) from reason
