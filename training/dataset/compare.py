"""Says in what two versions of a split differ."""

from collections.abc import Iterable, Sequence

from models.labelled.rows import Row

_SHOWN, _SHOWN_LENGTH = 3, 60


def differences(built: Sequence[Row], given: Sequence[Row]) -> list[str]:
    """A line for each kind of difference, none when the rows and their order are the same."""
    ours = {row.text: row for row in built}
    theirs = {row.text: row for row in given}
    relabelled = [text for text, row in ours.items() if text in theirs and theirs[text] != row]
    found = {
        "rows were not rebuilt": [text for text in theirs if text not in ours],
        "rows are new": [text for text in ours if text not in theirs],
        "rows have another label or source": relabelled,
    }
    lines = [_line(what, texts) for what, texts in found.items() if texts]
    if lines or list(built) == list(given):
        return lines
    same_rows = sorted(map(_key, built)) == sorted(map(_key, given))
    return ["the order is another one" if same_rows else "some rows are repeated"]


def _line(what: str, texts: Sequence[str]) -> str:
    return f"{len(texts):,} {what}, such as {', '.join(map(_short, texts[:_SHOWN]))}"


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…")


def _key(row: Row) -> tuple[str, str, str]:
    return row.text, row.label, row.source


def without(rows: Iterable[Row], texts: Iterable[str], source: str) -> list[Row]:
    """The rows but for those of a source whose text is not among `texts`."""
    had = set(texts)
    return [row for row in rows if row.source != source or row.text in had]
