"""Where a model comes from: "dir:PATH", "hf:REPO", "hf:REPO@REVISION" or "embedded"."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.catalogue import is_origin, source_of
from models.errors import RegistrationFailed
from models.folder import ModelFolder, inspect

EMBEDDED_FOLDER = Path(__file__).with_name("embedded")

_PATTERNS = (
    "*.onnx",
    "*.onnx.data",
    "*.onnx_data",
    "*.safetensors",
    "*.safetensors.index.json",
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "spm.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)
_BELOW = ("*/*",)
_REPO = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+|[\w.-]+)(?:@(?P<revision>[\w./-]+))?", re.ASCII)
_PATIENCE = 10.0
"""Seconds for the hub to answer at all."""

_ALTERNATIVES = (
    "Register a local folder with --source dir:PATH, name a mirror with HF_ENDPOINT, or fill the"
    " cache elsewhere and set HF_HUB_OFFLINE=1"
)


@dataclass(frozen=True, slots=True)
class Found:
    """What `origin` stands for: a checked folder. `source` is the documented one."""

    origin: str
    source: str
    folder: ModelFolder


def resolve(origin: str, say: Callable[[str], None]) -> Found:
    """Find, or download, what `origin` names, and check it. Blocks. Raises RegistrationFailed."""
    if not is_origin(origin):
        raise RegistrationFailed(
            f"{origin!r} is no source; use dir:PATH, hf:REPO, hf:REPO@REVISION or embedded"
        )
    kind, _, place = origin.partition(":")
    if kind == "embedded":
        return Found(origin, source_of(origin), inspect(EMBEDDED_FOLDER))
    if kind == "dir":
        path = Path(place).expanduser().absolute()
        return Found(f"dir:{path}", source_of(origin), inspect(path))
    match = _REPO.fullmatch(place)
    if match is None:
        raise RegistrationFailed(f"{place!r} is no repository; use hf:OWNER/NAME")
    snapshot = _download(match["repo"], match["revision"], say)
    # A snapshot is links into the blobs of the repository's own folder in the cache.
    folder = inspect(snapshot, within=snapshot.parents[1])
    return Found(f"hf:{match['repo']}@{snapshot.name}", source_of(origin), folder)


def _download(repo: str, revision: str | None, say: Callable[[str], None]) -> Path:
    """The snapshot's folder in the Hugging Face cache."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415  # slow to import
    from huggingface_hub.errors import (  # noqa: PLC0415
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    say(f"Downloading {repo} from the Hugging Face hub, or taking it from its cache …")
    try:
        return Path(
            snapshot_download(
                repo,
                revision=revision,
                allow_patterns=list(_PATTERNS),
                ignore_patterns=list(_BELOW),
                etag_timeout=_PATIENCE,
            )
        )
    except GatedRepoError as error:
        reason = f"{repo} asks for permission: accept its terms on the hub and set HF_TOKEN"
        raise RegistrationFailed(reason) from error
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        reason = f"the hub has no {repo}{f' at {revision}' if revision else ''} that you may read"
        raise RegistrationFailed(f"{reason} (HF_TOKEN for a private one)") from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError) as error:
        reason = f"the Hugging Face hub cannot be reached, and {repo} is not in its cache"
        told = str(error).partition("\n")[0]
        raise RegistrationFailed(f"{reason} ({told}). {_ALTERNATIVES}") from error
    except Exception as error:  # its HTTP client's errors are let through
        reason = f"{repo} could not be downloaded ({error})"
        raise RegistrationFailed(f"{reason}. {_ALTERNATIVES}") from error
