"""Tokenizers: the embedded model's English one, and a large one as multilingual models have."""

import shutil
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from random import Random

from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.normalizers import NFKC
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.processors import TemplateProcessing

from models.registration.sources import EMBEDDED_FOLDER

ENGLISH = 30522
"""Tokens of the embedded model's tokenizer."""

_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
_WORD_START = "▁"
_STARTING = 0.6


def write_tokenizer(target: Path, vocabulary: int) -> None:
    """English for its own number of tokens; else one of pieces, as multilingual models have."""
    if vocabulary == ENGLISH:
        shutil.copyfile(EMBEDDED_FOLDER / "tokenizer.json", target)
    else:
        many_pieces(vocabulary).save(str(target))


def many_pieces(count: int, words: Sequence[str] = ()) -> Tokenizer:
    """Pieces of made-up syllables with made-up odds, and `words`, each in one piece."""
    random = Random(count)  # noqa: S311  # the same pieces every time
    pieces = [
        (piece, -random.uniform(5, 16)) for piece in _pieces(count - len(_SPECIAL), words, random)
    ]
    vocabulary = [*((name, 0.0) for name in _SPECIAL), *pieces]
    tokenizer = Tokenizer(Unigram(vocabulary, _SPECIAL.index("<unk>"), byte_fallback=False))
    tokenizer.normalizer = NFKC()
    tokenizer.pre_tokenizer = Metaspace()
    ends = [(name, _SPECIAL.index(name)) for name in ("<s>", "</s>")]
    tokenizer.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    return tokenizer


def _pieces(count: int, words: Sequence[str], random: Random) -> list[str]:
    """The letters, the words, then distinct ones of one to four syllables, six in ten with their
    start.
    """
    letters = [*"abcdefghijklmnopqrstuvwxyz0123456789.,", _WORD_START]
    syllables = ["".join(parts) for parts in product("bcdfghjklmnprstvwz", "aeiou", ("", *"nrs"))]
    pieces = dict.fromkeys([*letters, *(_WORD_START + word for word in words)])
    while len(pieces) < count:
        word = "".join(random.choices(syllables, k=random.randint(1, 4)))
        pieces[_WORD_START + word if random.random() < _STARTING else word] = None
    return list(pieces)
