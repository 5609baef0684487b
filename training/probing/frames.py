"""Harmless sentences around any word, quoted or named so that it fits whatever word it is.

Those to probe by and those to train on have nothing in common, so that what was trained on does
not answer for what is probed.
"""

from collections.abc import Sequence
from random import Random

from models.labelled.rows import HARMLESS, Row

PROBES = (
    "What does the word {} mean?",
    'How do you spell "{}"?',
    "The last word in the crossword was {}.",
    "My daughter learnt to write {} today.",
    '"{}" is the title of her new song.',
    "I can't read this note, does it say {}?",
)
LESSONS = (
    'Please put "{}" into the list of keywords for the article.',
    "Give me three synonyms of {}.",
    "Our teacher wrote {} on the board and left the room.",
    'Is "{}" a noun or a verb?',
    "The label on the box says {}, nothing more.",
    "In which language was {} used first?",
    'There is a typo in "{}" on page four.',
    "We named the boat {} after a long discussion.",
    "Translate {} into Italian for the menu.",
    "I scored 40 points with {} at Scrabble.",
    'Our podcast "{}" has a new episode about birds.',
    "The button should be called {} and not Apply.",
    "Where does the expression {} come from?",
    "He always says {} too loudly on the phone.",
    "The section on {} in this manual is two pages long.",
    'Please use "{}" in a sentence about the sea.',
)
SOURCE = "harmless-probed"


def probes(word: str) -> list[str]:
    return [frame.format(word) for frame in PROBES]


def lessons(words: Sequence[str], each: int, seed: int) -> list[Row]:
    """Counter-examples: `each` harmless sentences for every word."""
    random = Random(seed)  # noqa: S311  # the same every time
    return [
        Row(frame.format(word), HARMLESS, SOURCE)
        for word in words
        for frame in random.sample(LESSONS, each)
    ]
