"""What an Accept header asks for: a list as JSON, or server-sent events. Pure."""

import re

JSON, STREAM = ("application", "json"), ("text", "event-stream")
QUALITY = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


def prefers_stream(accept: str) -> bool:
    """Whether event-stream is wanted more than JSON, or as much but named more exactly."""
    wished = _wish(accept, STREAM)
    return wished > _wish(accept, JSON) and wished[0] > 0


def _wish(accept: str, kind: tuple[str, str]) -> tuple[float, int]:
    """The quality of `kind` by the range that names it most exactly, and how exactly that is."""
    named = [
        (exactness, quality)
        for range_, quality in _ranges(accept)
        if (exactness := _exactness(range_, kind)) is not None
    ]
    exactness, quality = max(named, default=(0, 0.0))
    return quality, exactness


def _ranges(accept: str) -> list[tuple[str, float]]:
    found = []
    for part in accept.lower().split(","):
        range_, *parameters = (piece.strip() for piece in part.split(";"))
        qualities = [m[1] for text in parameters if (m := QUALITY.fullmatch(text))]
        found.append((range_, float(qualities[0]) if qualities else 1.0))
    return found


def _exactness(range_: str, kind: tuple[str, str]) -> int | None:
    """How exactly a range names `kind`, None if it does not."""
    names = ("*/*", f"{kind[0]}/*", f"{kind[0]}/{kind[1]}")
    return names.index(range_) if range_ in names else None
