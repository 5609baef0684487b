"""Long texts are read in windows that overlap; what is left out is in the middle."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing

from models.engines.reading import Reader, chosen
from models.errors import InferenceFailed, ModelLoadFailed

START, END, FIRST = 1, 2, 3
"""The ids of the special tokens, and of word 0."""


def write_tokenizer(folder: Path, words: int = 400) -> Path:
    """Words are numbers, so that an id tells the place in the text."""
    numbers = {"[PAD]": 0, "[CLS]": START, "[SEP]": END}
    numbers |= {str(word): FIRST + word for word in range(words)}
    tokenizer = Tokenizer(WordLevel(numbers, unk_token="[PAD]"))  # noqa: S106  # no password
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", START), ("[SEP]", END)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tokenizer(tmp_path_factory.mktemp("tokenizer"))


def text(words: int) -> str:
    return " ".join(map(str, range(words)))


@given(words=st.integers(1, 300), max_length=st.integers(4, 64), max_windows=st.integers(1, 400))
def test_every_token_is_in_a_window_unless_it_is_said_that_some_are_not(
    folder: Path, words: int, max_length: int, max_windows: int
) -> None:
    """And `tokens` counts each that is, once. Planted fault: windows that left a token between."""
    reading = Reader(folder, max_length, max_windows).read(text(words))

    seen = {number for window in reading.windows for number in window.ids[1:-1]}
    assert reading.truncated == (len(seen) < words)
    assert reading.tokens == len(seen) + 2
    assert len(reading.windows) <= max_windows
    assert min(seen) == FIRST
    if max_windows > 1:
        assert max(seen) == FIRST + words - 1


@given(words=st.integers(1, 300), max_length=st.integers(4, 64))
def test_every_window_has_the_special_tokens_and_no_more_than_the_model_reads(
    folder: Path, words: int, max_length: int
) -> None:
    """Planted fault: windows cut from the ids, with the special tokens at the outer ends only."""
    reading = Reader(folder, max_length, 400).read(text(words))

    for window in reading.windows:
        assert (window.ids[0], window.ids[-1]) == (START, END)
        assert len(window.ids) <= max_length
        assert len(window.type_ids) == len(window.ids)


@given(words=st.integers(1, 300), max_length=st.integers(5, 64))
def test_neighbours_share_a_quarter_of_what_the_model_reads(
    folder: Path, words: int, max_length: int
) -> None:
    """So what is cut in two at the end of one is whole in the next."""
    windows = Reader(folder, max_length, 400).read(text(words)).windows

    for one, other in pairwise(windows):
        assert len(set(one.ids[1:-1]) & set(other.ids[1:-1])) == max_length // 4


def test_beyond_the_bound_the_first_and_the_last_windows_are_read(folder: Path) -> None:
    reading = Reader(folder, 10, 3).read(text(100))

    starts = [window.ids[1] - FIRST for window in reading.windows]
    ends = [window.ids[-2] - FIRST for window in reading.windows]
    assert (starts[:2], ends[-1]) == ([0, 6], 99)
    assert reading.truncated
    assert reading.tokens == 10 + 6 + len(reading.windows[2].ids) - 2


@pytest.mark.parametrize(
    ("windows", "most", "expected"),
    [
        (1, 1, [0]),
        (4, 4, [0, 1, 2, 3]),
        (5, 4, [0, 1, 3, 4]),
        (9, 3, [0, 1, 8]),
        (9, 1, [0]),
    ],
)
def test_of_too_many_windows_the_middle_is_left_out(
    windows: int, most: int, expected: list[int]
) -> None:
    assert chosen(windows, most) == expected


def test_a_text_without_tokens_cannot_be_read(tmp_path: Path) -> None:
    """As with a tokenizer that adds no special ones."""
    tokenizer = Tokenizer.from_file(str(write_tokenizer(tmp_path) / "tokenizer.json"))
    tokenizer.post_processor = TemplateProcessing(single="$A", special_tokens=[])
    tokenizer.save(str(tmp_path / "tokenizer.json"))

    with pytest.raises(InferenceFailed, match="nothing that the model can read"):
        Reader(tmp_path, 8, 4).read(" ")


def test_a_missing_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match=r"tokenizer\.json is missing"):
        Reader(tmp_path, 8, 4)


@pytest.mark.parametrize(
    ("config", "pad"),
    [(None, 0), ("{}", 0), ('{"pad_token_id": null}', 0), ('{"pad_token_id": 7}', 7)],
)
def test_the_pad_token_is_the_configured_one_else_the_tokenizers(
    tmp_path: Path, config: str | None, pad: int
) -> None:
    write_tokenizer(tmp_path)
    if config is not None:
        (tmp_path / "config.json").write_text(config)

    assert Reader(tmp_path, 8, 4).pad == pad
