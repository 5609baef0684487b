"""How a text is read: as tokens, and what is too long for the model in windows that overlap."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from models.errors import InferenceFailed, ModelLoadFailed


@dataclass(frozen=True, slots=True)
class Window:
    """What the model reads at once, special tokens included."""

    ids: Sequence[int]
    type_ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class Reading:
    """One text. `tokens` are in the windows, each counted once; `truncated`: there were more."""

    windows: tuple[Window, ...]
    tokens: int
    truncated: bool


class Reader:
    """The folder's `tokenizer.json`; may be used from several threads at once.

    A window has `max_length` tokens, a quarter of them from the one before, so that what is
    cut in two by one is whole in the other. It is less in the tiniest: each has a token that is in
    no other, so that to leave one out is always to leave out some of the text.
    """

    def __init__(self, path: Path, max_length: int, max_windows: int) -> None:
        require(path, "tokenizer.json")
        self._tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._special = self._tokenizer.num_special_tokens_to_add(is_pair=False)
        own = max_length - self._special
        self._overlap = min(max_length // 4, max(0, own - 1) // 2)
        self._tokenizer.enable_truncation(max_length, stride=self._overlap)
        self._max_windows = max_windows
        self.pad = _pad_id(path, self._tokenizer)

    def read(self, text: str) -> Reading:
        """Raises InferenceFailed for a text without tokens."""
        first = self._tokenizer.encode(text)
        window = Window(first.ids, first.type_ids)
        if not window.ids:
            raise InferenceFailed("the text has nothing that the model can read")
        rest = first.overflowing
        if not rest:
            return Reading((window,), len(window.ids), truncated=False)
        encodings = [first, *rest]
        indices = chosen(len(encodings), self._max_windows)
        windows = tuple(Window(encodings[i].ids, encodings[i].type_ids) for i in indices)
        return Reading(windows, self._tokens(windows, indices), len(windows) < len(encodings))

    def _tokens(self, windows: Sequence[Window], indices: Sequence[int]) -> int:
        """A window repeats the special tokens, and the end of the one before if that was read."""
        tokens = len(windows[0].ids)
        for window, index, before in zip(windows[1:], indices[1:], indices, strict=False):
            repeated = self._overlap if before == index - 1 else 0
            tokens += len(window.ids) - self._special - repeated
        return tokens


def chosen(windows: int, most: int) -> list[int]:
    """Which of so many windows are read: all, or the first and the last half of `most`.

    Attacks hide at the end, too.
    """
    if windows <= most:
        return list(range(windows))
    last = most // 2
    return [*range(most - last), *range(windows - last, windows)]


def require(path: Path, *names: str) -> None:
    """Raises ModelLoadFailed for the first of these files that the folder has not."""
    for name in names:
        if not (path / name).is_file():
            raise ModelLoadFailed(f"{name} is missing")


def _pad_id(path: Path, tokenizer: Tokenizer) -> int:
    config = path / "config.json"
    pad = json.loads(config.read_text()).get("pad_token_id") if config.is_file() else None
    if pad is None:
        pad = tokenizer.token_to_id("[PAD]") or tokenizer.token_to_id("<pad>")
    return int(pad or 0)
