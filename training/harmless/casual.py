"""Writes some sentences the way people type them: without capitals, or inside a small task."""

import random

_PLAIN, _LOUD, _ASKED = 0.07, 0.015, 0.06
_LONGEST_ASKED = 140
_TASKS = (
    'Fix the grammar: "{}"',
    'Translate into Spanish: "{}"',
    "Translate to German: {}",
    'Rephrase this more politely: "{}"',
    'Is this sentence correct? "{}"',
    "Make this shorter: {}",
    'What does my colleague mean by "{}"',
    'How would you answer this message: "{}"',
    "Proofread this please: {}",
    'Say this in simpler words: "{}"',
)


def casually(text: str, rng: random.Random) -> str:
    """The text itself, most of the time."""
    draw = rng.random()
    if draw < _PLAIN:
        return text.rstrip(".!").lower()
    if draw < _PLAIN + _LOUD:
        return text.upper()
    if draw < _PLAIN + _LOUD + _ASKED and len(text) <= _LONGEST_ASKED and '"' not in text:
        return _TASKS[int(rng.random() * len(_TASKS))].format(text)
    return text
