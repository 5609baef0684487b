"""`scripts/evaluate`: what a model is worth, on labelled texts.

Exit codes: 0 done, 1 a bar is missed (stderr says which), 2 there is no evaluation (the last line
on stderr says why), 130 interrupted; and 3, for the script alone: the torch extra has to be
installed first.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult

from models.errors import ModelError
from models.integrity import file_digest
from models.labelled.rows import DataError, Row, read_rows
from training.evaluating import in_process, over_http
from training.evaluating.answers import Answers, Model, check_labels
from training.evaluating.bars import Bar, check_bars, missed, read_bar
from training.evaluating.document import document
from training.evaluating.errors import EvaluationError, TorchNeeded
from training.evaluating.findings import Findings, find
from training.evaluating.line import read_token, read_url
from training.evaluating.progress import Progress
from training.evaluating.report import markdown

_T = TypeVar("_T")
DONE, MISSED, FAILED, TORCH_NEEDED, INTERRUPTED = 0, 1, 2, 3, 130

_NOWHERE = "(none)"
"""Stands for the source of rows that have none."""

_EPILOG = """metrics of the bars:
  macro_f1, accuracy, ece, mce, flagged_rate (harmless texts called an attack),
  missed_rate (attacks called harmless), latency_mean_ms, latency_p50_ms, latency_p99_ms,
  precision.LABEL, recall.LABEL, f1.LABEL, flagged_rate.SOURCE, missed_rate.SOURCE

Without --url the model is taken from the model store (BENTOML_HOME) and run here, each text
alone, as the service does; MODEL_CACHE_CATALOGUE names another catalogue.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except TorchNeeded as error:
        _tell(str(error))
        return TORCH_NEEDED
    except (EvaluationError, DataError, ModelError) as error:
        _tell(f"error: {error}")
        return FAILED
    except (KeyboardInterrupt, asyncio.CancelledError):
        _tell("interrupted")
        return INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    rows = [replace(row, source=row.source or _NOWHERE) for row in read_rows(options.data)]
    draw = _prepare(options)
    answers = _answers(options, rows)
    findings = find(
        rows,
        answers,
        options.bars,
        data=options.data.name,
        digest=file_digest(options.data),
        how="in this process" if options.url is None else f"by {options.url.geturl()} in batches",
    )
    sys.stdout.write(markdown(findings))
    sys.stdout.flush()
    _keep(options, findings, draw)
    failed = missed(findings.bars, findings.metrics)
    for line in failed:
        _tell(f"missed: {line}")
    return MISSED if failed else DONE


def _prepare(options: argparse.Namespace) -> Callable[[Findings, Path], None] | None:
    """What draws, if that is wanted; whatever could not be written is told before the work."""
    for folder in (options.json and options.json.parent, options.plots and options.plots.parent):
        if folder is not None and not folder.is_dir():
            raise EvaluationError(f"there is no folder {folder}: make it first")
    if options.plots is None:
        return None
    try:
        from training.evaluating.plots import draw  # noqa: PLC0415  # who wants no plots needs none
    except ModuleNotFoundError as error:
        raise EvaluationError(
            f"--plots needs {error.name}: pip install -r requirements/training.txt"
        ) from error
    try:
        options.plots.mkdir(exist_ok=True)
    except OSError as error:
        raise EvaluationError(f"{options.plots} cannot be written to: {error}") from error
    return draw


def _answers(options: argparse.Namespace, rows: Sequence[Row]) -> Answers:
    texts = [row.text for row in rows]

    def check(model: Model) -> None:
        check_labels(rows, model)
        _harmless(options, model)
        check_bars(options.bars, rows, model)

    with Progress() as progress:
        if options.url is None:
            # Else BentoML's makers would be told, and waited for offline.
            os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
            found = asyncio.run(in_process.answers(options.model, texts, check, progress.told))
        else:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            found = over_http.answers(
                options.url,
                options.model,
                texts,
                check,
                progress.told,
                concurrency=options.concurrency,
                token=options.token,
            )
    return replace(found, model=_harmless(options, found.model))


def _harmless(options: argparse.Namespace, model: Model) -> Model:
    if options.harmless is None:
        return model
    if options.harmless not in model.labels:
        raise EvaluationError(
            f"--harmless: {model.name} has no label {options.harmless!r},"
            f" but {', '.join(model.labels)}"
        )
    return replace(model, harmless=options.harmless)


def _keep(
    options: argparse.Namespace,
    findings: Findings,
    draw: Callable[[Findings, Path], None] | None,
) -> None:
    try:
        if options.json is not None:
            part = options.json.with_name(f"{options.json.name}.part")
            part.write_text(document(findings), encoding="utf-8")
            part.replace(options.json)
        if draw is not None:
            draw(findings, options.plots)
    except OSError as error:
        raise EvaluationError(f"{error.filename} cannot be written: {error.strerror}") from error


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/evaluate",
        description="Say what a text classifier is worth, on labelled texts.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="NAME, or NAME:VERSION")
    parser.add_argument(
        "--data", type=Path, required=True, metavar="FILE", help="JSONL of text, label and source"
    )
    parser.add_argument("--url", type=_url, help="ask a running service, http://127.0.0.1:8003")
    parser.add_argument(
        "--token",
        type=_token,
        default=os.environ.get("MODEL_CACHE_PREDICT_TOKEN") or None,
        help="sent with --url; MODEL_CACHE_PREDICT_TOKEN does the same, unseen by others",
    )
    parser.add_argument(
        "--concurrency", type=_whole, default=4, help="batches asked at once with --url (4)"
    )
    parser.add_argument(
        "--harmless", metavar="LABEL", help="the label that means no harm (the catalogue's, benign)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument(
        "--plots", type=Path, metavar="FOLDER", help="write confusion.png and reliability.png"
    )
    for name, kind in (("below", _least), ("above", _most)):
        parser.add_argument(
            f"--fail-{name}",
            dest="bars",
            type=kind,
            action="append",
            default=[],
            metavar="METRIC=VALUE",
            help=f"status 1 where it is {name} that; may be given several times",
        )
    return parser


def _least(text: str) -> Bar:
    return _argument(lambda given: read_bar(given, least=True), text)


def _most(text: str) -> Bar:
    return _argument(lambda given: read_bar(given, least=False), text)


def _argument(read: Callable[[str], _T], text: str) -> _T:
    try:
        return read(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _url(text: str) -> SplitResult:
    return _argument(read_url, text)


def _token(text: str) -> str:
    return _argument(read_token, text)


def _whole(text: str) -> int:
    number = _argument(int, text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


if __name__ == "__main__":
    sys.exit(main())
