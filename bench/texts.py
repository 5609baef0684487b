"""Texts to be classified: distinct ones of 8 to 60 words, each of one of five topics.

Made of the bench's own words by a seed, so all who are measured read the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

SHORTEST, LONGEST = 8, 60
"""Words of a text."""

PLAIN = (
    "the a this that our your every some many few with without about before after between near"
    " and but because while then also still often never always is was will can may should must"
    " has had takes gives makes needs keeps leaves brings shows finds tells asks sees"
    " new old small large early late good simple common useful different whole next last"
    " people day week year place way part thing time work question answer reason list number"
)
TOPICS = {
    "garden": (
        "garden soil seed flower tomato compost rake hedge orchard apple blossom pruning water"
        " spade greenhouse lawn rose fern harvest cabbage beetle worm pollen shade sprout"
    ),
    "harbour": (
        "harbour ship anchor tide sailor cargo lighthouse rope deck storm captain vessel pier"
        " gull fishing net compass mast wave crane container ferry hull cabin voyage"
    ),
    "kitchen": (
        "kitchen oven flour butter recipe soup pepper knife pan dough boil salt plate sauce"
        " onion bake dinner spoon cheese garlic roast lemon cream taste breakfast"
    ),
    "court": (
        "court judge law witness contract lawyer appeal verdict clause evidence tenant claim"
        " trial statute hearing jury fine licence debt plaintiff notary oath court ruling treaty"
    ),
    "machine": (
        "machine engine gear sensor voltage circuit turbine valve piston motor battery cable"
        " pump bearing welding robot factory torque lathe switch boiler meter axle relay coil"
    ),
}
_TOPICAL = 0.45
"""Part of a text's words that are of its topic."""


@dataclass(frozen=True, slots=True)
class Text:
    """`topic` is the place of its topic in TOPICS."""

    words: str
    topic: int


def texts(count: int, seed: int) -> list[Text]:
    """Distinct ones; those of another seed are others."""
    random = Random(f"texts {seed}")  # noqa: S311  # the same every time
    found: dict[str, Text] = {}
    while len(found) < count:
        topic = len(found) % len(TOPICS)
        words = _words(random, topic, random.randint(SHORTEST, LONGEST))
        found.setdefault(words, Text(words, topic))
    return list(found.values())


def plain(count: int, seed: int) -> list[str]:
    return [text.words for text in texts(count, seed)]


def words() -> list[str]:
    """All that texts are made of, as they stand in them."""
    small = [*PLAIN.split(), *(word for topic in TOPICS.values() for word in topic.split())]
    return [*small, *(word.capitalize() for word in small)]


def agreement(found: Sequence[str], wanted: Sequence[str]) -> float:
    """The part of the labels that are the same."""
    return sum(a == b for a, b in zip(found, wanted, strict=True)) / max(1, len(wanted))


def _words(random: Random, topic: int, count: int) -> str:
    own, others = list(TOPICS.values())[topic].split(), PLAIN.split()
    chosen = [random.choice(own if random.random() < _TOPICAL else others) for _ in range(count)]
    return " ".join(chosen).capitalize() + "."
