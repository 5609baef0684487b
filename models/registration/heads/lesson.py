"""What a head is fitted on and judged by, read and checked before anything heavy is begun."""

from dataclasses import dataclass
from pathlib import Path

from models.errors import RegistrationFailed
from models.integrity import combined_digest, file_digest
from models.labelled.rows import DataError, Row, read_rows
from models.labelled.splitting import once, split, without
from models.registration.heads.sampling import in_order, sample
from models.spec import ModelSpec

ROWS = 6000
"""Texts of each file that are read at most: some 90 a second with a small encoder on two cores, and
a base-size one has ten times the work. From 1,500 to 6,000 macro-F1 rose from 0.88 to 0.91."""

BUILT = Path(__file__).parents[3] / "build" / "dataset"
"""Where scripts/build_dataset writes."""

_DATA, _JUDGE = "train.jsonl", "test.jsonl"
_HELD_OUT = 5
"""Of data without a file to judge by, one text in so many is held out."""

_LEAST = 10
"""Texts of a label: fewer say nothing of it."""

HEAD_RECIPE = "1"
"""Raised when fitting changes."""


@dataclass(frozen=True, slots=True)
class Teaching:
    """What was asked for. Without `data` it is that of scripts/build_dataset; without `judge`
    that, too, or a part of `data`. `rows` bounds both. `force`: whatever the head is worth.
    """

    data: Path | None = None
    judge: Path | None = None
    rows: int = ROWS
    force: bool = False

    @property
    def is_about_texts(self) -> bool:
        return self.data is not None or self.judge is not None or self.rows != ROWS


@dataclass(frozen=True, slots=True)
class Source:
    """A file: its name, its SHA-256 in hex, and how many texts there were to take from."""

    name: str
    digest: str
    rows: int


@dataclass(frozen=True, slots=True)
class Lesson:
    """No text of `judged` stands in `training`, whatever its case and spacing."""

    labels: tuple[str, ...]
    training: tuple[Row, ...]
    judged: tuple[Row, ...]
    data: Source
    judge: Source
    limit: int

    @property
    def content(self) -> str:
        """SHA-256 over all that decides what the head will be."""
        return combined_digest(
            {
                "data": self.data.digest,
                "judge": self.judge.digest,
                "judge_name": self.judge.name,
                "limit": str(self.limit),
                "recipe": HEAD_RECIPE,
            }
        )


def read_lesson(teaching: Teaching, spec: ModelSpec, built: Path = BUILT) -> Lesson:
    """Blocks. Raises RegistrationFailed that says which file lacks what."""
    data = teaching.data or built / _DATA
    judge = teaching.judge or (built / _JUDGE if teaching.data is None else None)
    for file in filter(None, (data, judge)):
        if not file.is_file():
            raise RegistrationFailed(_missing(spec.name, file, built))
    try:
        rows = once(read_rows(data))
        if judge is None:
            training, judged = split(rows, _HELD_OUT)
        else:
            judged = once(read_rows(judge))
            training = without(rows, judged)
    except DataError as error:
        raise RegistrationFailed(str(error)) from error
    sources = _source(data, training), _judged(data, judge, judged)
    return _lesson(training, judged, *sources, teaching.rows, spec)


def _source(file: Path, rows: list[Row]) -> Source:
    return Source(file.name, file_digest(file), len(rows))


def _judged(data: Path, judge: Path | None, rows: list[Row]) -> Source:
    if judge is not None:
        return _source(judge, rows)
    return Source(f"one text in {_HELD_OUT} of {data.name}", file_digest(data), len(rows))


def _lesson(
    training: list[Row], judged: list[Row], data: Source, judge: Source, limit: int, spec: ModelSpec
) -> Lesson:
    few, asked = sample(training, limit), sample(judged, limit)
    labels = in_order({row.label for row in training}, spec.labels)
    if why := _lack(labels, few, asked, data, judge):
        raise RegistrationFailed(f"no head can be fitted: {why}")
    return Lesson(labels, tuple(few), tuple(asked), data, judge, limit)


def _lack(
    labels: tuple[str, ...], training: list[Row], judged: list[Row], data: Source, judge: Source
) -> str | None:
    if len(labels) < 2:  # noqa: PLR2004
        return f"{data.name} has the labels {list(labels)}; two are the least"
    unknown = sorted({row.label for row in judged} - set(labels))
    if unknown:
        return f"{judge.name} has the label {unknown[0]!r}, which {data.name} has not"
    for label in labels:
        count = sum(row.label == label for row in training)
        if count < _LEAST:
            return f"{count} texts of {data.name} are {label!r}; {_LEAST} of each label are needed"
        if not any(row.label == label for row in judged):
            return f"no text of {judge.name} is {label!r}, so that it could not be judged"
    return None


def _missing(name: str, file: Path, built: Path) -> str:
    told = f"{name} is an encoder without a classification head, which is fitted on labelled texts,"
    if file.parent == built:
        return (
            f"{told} but build/dataset/{file.name} is not there; run scripts/build_dataset, or name"
            " texts of your own with --data FILE"
        )
    return f"{told} but {file} is not there; name a file of labelled texts"
