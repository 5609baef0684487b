"""A theme file: templates with slots, from which distinct texts are made.

    % source harmless-trigger-office
    % rows 300
    % form lines
    @ colleague = Anna | the new intern
    Please ignore the [[typo|blank row]] that [[colleague]] left.

A slot that is set by `@= name = …` has one value throughout a text; one set by `@` is drawn anew
wherever it stands.
`form lines` has a template on each line; `form blocks` parts templates by lines of `=====`, and a
paragraph of a block that starts with `? ` may be left out. `label` is benign unless named. With
`% casual` some of the texts are written as in a chat.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from models.labelled.rows import HARMLESS, LABELS, DataError

BLOCK_END = "====="
_MARK = re.compile(r"(\[\[|\]\]|\|)")
_OPTIONAL = "? "
_BAR = " | "


@dataclass(frozen=True, slots=True)
class Template:
    """Fixed texts and, between them, the choices; a choice is itself a tuple of templates."""

    source_text: str
    fixed: tuple[str, ...]
    choices: tuple[tuple["Template", ...], ...]

    @property
    def ways(self) -> int:
        """How many texts it can make; two of them may be equal."""
        return math.prod(sum(way.ways for way in choice) for choice in self.choices)

    def text(self, index: int) -> str:
        """The text of one way, 0 <= index < ways."""
        parts = [self.fixed[0]]
        for choice, fixed in zip(self.choices, self.fixed[1:], strict=True):
            index, here = divmod(index, sum(way.ways for way in choice))
            parts += (_nth(choice, here), fixed)
        return "".join(parts)


@dataclass(frozen=True, slots=True)
class Theme:
    """What one file says; `rows` is how many texts are wanted of it."""

    source: str
    label: str
    rows: int
    casual: bool
    templates: tuple[Template, ...]
    fillers: Mapping[str, tuple[str, ...]]


def read_theme(path: Path) -> Theme:
    """Raises DataError, naming the file, where a line is not understood."""
    try:
        return _parsed(path.read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from error


def _parsed(lines: list[str]) -> Theme:
    heads: dict[str, str] = {}
    slots: dict[str, str] = {}
    held: list[str] = []
    body: list[str] = []
    for line in lines:
        if line.startswith("% "):
            name, _, value = line[2:].partition(" ")
            heads[name] = value.strip()
        elif line.startswith(("@ ", "@= ")):
            kind, _, rest = line.partition(" ")
            name, _, value = rest.partition(" = ")
            slots[name.strip()] = value
            if kind == "@=":
                held.append(name.strip())
        else:
            body.append(line)
    for head in ("source", "rows", "form"):
        if head not in heads:
            raise ValueError(f"a line '% {head} …' is missing")
    return _theme(heads, slots, tuple(held), body)


def _theme(
    heads: Mapping[str, str], slots: Mapping[str, str], held: tuple[str, ...], body: list[str]
) -> Theme:
    label = heads.get("label", HARMLESS)
    if label not in LABELS:
        raise ValueError(f"{label} is no label")
    texts = _blocks(body) if heads["form"] == "blocks" else [line for line in body if line.strip()]
    return Theme(
        source=heads["source"],
        label=label,
        rows=int(heads["rows"]),
        casual="casual" in heads,
        templates=tuple(_whole(text, slots, held) for text in texts),
        fillers=MappingProxyType({name: tuple(value.split(_BAR)) for name, value in slots.items()}),
    )


def _blocks(body: list[str]) -> list[str]:
    blocks = "\n".join(body).split(f"\n{BLOCK_END}\n")
    return [block.strip("\n") for block in blocks if block.strip()]


def _whole(text: str, slots: Mapping[str, str], held: tuple[str, ...]) -> Template:
    """A held slot makes the text one choice: among the texts with each of its values."""
    for name in held:
        slot = f"[[{name}]]"
        if slot in text:
            texts = (text.replace(slot, value) for value in slots[name].split(_BAR))
            return Template(text, ("", ""), (tuple(_whole(it, slots, held) for it in texts),))
    return _template(text, slots)


def _template(text: str, slots: Mapping[str, str]) -> Template:
    paragraphs = text.split("\n\n")
    if any(paragraph.startswith(_OPTIONAL) for paragraph in paragraphs):
        return _with_optional(text, paragraphs, slots)
    fixed, insides = _parts(text)
    return Template(text, fixed, tuple(_choice(inside, slots) for inside in insides))


def _parts(text: str) -> tuple[tuple[str, ...], list[list[str]]]:
    """What stands outside of `[[…]]`, and for each of these the ways that bars part in it."""
    fixed, insides, depth = [""], list[list[str]](), 0
    for piece in _MARK.split(text):
        if piece == "]]":
            depth -= 1
        if depth == 0 and piece == "[[":
            insides.append([""])
            fixed.append("")
        elif depth == 1 and piece == "|":
            insides[-1].append("")
        elif depth > 0:
            insides[-1][-1] += piece
        elif piece != "]]" or depth < 0:
            fixed[-1] += piece
        if piece == "[[":
            depth += 1
        if depth < 0:
            raise ValueError(f"a ]] too many in {text!r}")
    if depth:
        raise ValueError(f"a [[ is not closed in {text!r}")
    return tuple(fixed), insides


def _with_optional(text: str, paragraphs: list[str], slots: Mapping[str, str]) -> Template:
    """Each paragraph is a choice; what may be left out has the empty text as a second way."""
    choices = []
    for number, paragraph in enumerate(paragraphs):
        gap = "\n\n" if number else ""
        kept = _template(gap + paragraph.removeprefix(_OPTIONAL), slots)
        optional = paragraph.startswith(_OPTIONAL)
        choices.append((kept, Template("", ("",), ())) if optional else (kept,))
    return Template(text, ("",) * (len(choices) + 1), tuple(choices))


def _choice(inside: list[str], slots: Mapping[str, str]) -> tuple[Template, ...]:
    if len(inside) == 1 and inside[0] not in slots:
        raise ValueError(f"there is no slot {inside[0]!r}")
    ways = slots[inside[0]].split(_BAR) if len(inside) == 1 else inside
    return tuple(_template(way, slots) for way in ways)


def _nth(choice: tuple[Template, ...], index: int) -> str:
    for way in choice:
        if index < way.ways:
            return way.text(index)
        index -= way.ways
    raise IndexError(index)
