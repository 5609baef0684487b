"""Aliases: names for versions of a model, kept in a small file beside them in the model store.

`STORE/NAME/.aliases.json` is an object, alias → version. BentoML reads of that folder the
sub-folders and the file `latest` alone, and removes it with the last version.
"""

import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from models.catalogue import is_alias_form, is_name
from models.errors import InvalidAlias

_log = logging.getLogger(__name__)

FILE = ".aliases.json"
CHAMPION = "champion"
"""The alias that a model's plain name stands for, where it is set."""
LATEST = "latest"
"""The newest version; nobody sets it."""

Aliases = Mapping[str, str]
"""Of one model: alias → version."""

NONE: Aliases = MappingProxyType({})
_DIGEST = re.compile(r"[a-z2-7]{16}|[0-9a-f]{12,31}", re.ASCII)
"""Versions as BentoML makes them, or registration does: the beginning of a digest."""
_MOST_BYTES = 65536


def check_alias(text: str) -> None:
    """Raises InvalidAlias, which says what an alias may look like."""
    if text == LATEST:
        raise InvalidAlias(f"{LATEST!r} is the newest version and cannot be set: use another alias")
    if not is_alias_form(text) or _DIGEST.fullmatch(text) is not None:
        shown = text if len(text) <= 60 else text[:60] + "…"  # noqa: PLR2004
        raise InvalidAlias(
            f"{shown!r} cannot be an alias: give at most 31 lowercase letters, digits, '-' and"
            " '_', with a letter first, that do not look like a version's digest"
        )


def is_alias(text: str) -> bool:
    """Say whether `text` has the form of an alias that can be set."""
    try:
        check_alias(text)
    except InvalidAlias:
        return False
    return True


def parse_aliases(data: bytes) -> Aliases:
    """Read the file's content. Raises ValueError that says what is wrong with it."""
    if len(data) > _MOST_BYTES:
        raise ValueError(f"it has more than {_MOST_BYTES} bytes")
    try:
        document = json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if isinstance(document, dict) and all(_is_set(*each) for each in document.items()):
        return MappingProxyType(document)
    raise ValueError("it is no JSON object of aliases and versions")


def _is_set(alias: str, version: object) -> bool:
    return is_alias(alias) and isinstance(version, str) and is_name(version)


def aliases_text(aliases: Aliases) -> str:
    return json.dumps(dict(sorted(aliases.items())), indent=1) + "\n"


def with_alias(aliases: Aliases, alias: str, version: str | None) -> Aliases:
    """The same with `alias` set, or taken away where `version` is None."""
    rest = {name: to for name, to in aliases.items() if name != alias}
    return rest if version is None else {**rest, alias: version}


class AliasFiles:
    """Reads the files of a store, each again only when it has changed.

    A file that cannot be read or understood counts for nothing: what was read of it before holds.
    That is logged once.
    """

    def __init__(self) -> None:
        self._read: dict[Path, tuple[object, Aliases]] = {}

    def read(self, folder: Path) -> Aliases:
        """The aliases in the folder of a model; never raises."""
        path = folder / FILE
        before = self._read.get(path)
        stamp: object = None
        try:
            state = path.stat()
            stamp = (state.st_ino, state.st_size, state.st_mtime_ns)
            if before is not None and before[0] == stamp:
                return before[1]
            aliases = parse_aliases(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            self._read.pop(path, None)
            return NONE
        except (OSError, ValueError) as error:
            stamp = stamp or str(error)
            aliases = NONE if before is None else before[1]
            if before is None or before[0] != stamp:
                _log.warning(
                    "%s is passed over (%s): %s; set the aliases of %s again with scripts/alias",
                    path,
                    error,
                    "what was read of it before holds" if aliases else "no alias is known",
                    folder.name,
                )
        self._read[path] = (stamp, aliases)
        return aliases
