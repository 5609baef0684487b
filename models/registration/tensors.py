"""What a safetensors file holds, by its header alone."""

import json
from pathlib import Path

from models.errors import RegistrationFailed

_HEADER_LIMIT = 100_000_000


def tensor_names(file: Path) -> list[str]:
    """From the header of a safetensors file: its length in 8 bytes, then JSON."""
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            return list(json.loads(stream.read(min(length, _HEADER_LIMIT))))
    except (OSError, ValueError) as error:
        raise RegistrationFailed(f"{file}: not a safetensors file ({error})") from error
