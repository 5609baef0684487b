"""`scripts/bench`: runs topics, tells of it on stderr, prints what was found as Markdown.

Exit codes: 0 all bars met, or a quick run; 1 a bar was missed; 2 usage; 3 a part could not be
run; 130 interrupted.
"""

import argparse
import logging
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx

from bench.document import write_page
from bench.figures import shown
from bench.http import Unanswered
from bench.machine import about
from bench.processes import ServerFailed
from bench.report import Report, Section, as_json, as_markdown
from bench.setup import Setup
from bench.topics import TOPICS
from models.errors import ModelError

MISSED, NOT_RUN, INTERRUPTED = 1, 3, 130
_WRITE = "put these topics into that page of figures (docs/benchmarks.md), and its .json"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    options = _parser().parse_args(arguments)
    topics = options.topics or list(TOPICS)
    if problem := _problem(topics, options.only or ()):
        _say(f"error: {problem}")
        return 2
    logging.disable(logging.WARNING)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    reports = []
    try:
        with ExitStack() as stack:
            setup = _setup(options, stack)
            for topic in topics:
                reports.append(_run(topic, setup, options.only))
                _keep(reports, options)
    except (ServerFailed, ModelError, Unanswered, httpx.HTTPError) as error:
        _say(f"error: {error}")
        return NOT_RUN
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    return _judge(reports)


def _problem(topics: Sequence[str], only: Sequence[str]) -> str:
    """What is wrong with the choice; "" when nothing is."""
    for topic in topics:
        if topic not in TOPICS:
            return f"there is no {topic}; there is {', '.join(TOPICS)}"
        unknown = sorted(set(only) - set(TOPICS[topic].parts))
        if unknown:
            return f"{topic} has no {', '.join(unknown)}; it has {', '.join(TOPICS[topic].parts)}"
    return ""


def _setup(options: argparse.Namespace, stack: ExitStack) -> Setup:
    if options.models is None:
        temporary = tempfile.TemporaryDirectory(prefix="model-cache-bench-")
        options.models = Path(stack.enter_context(temporary))
    return Setup(
        models=options.models.absolute(),
        quick=options.quick,
        requests=40 if options.quick else options.requests,
        seeds=options.seeds[:1] if options.quick else options.seeds,
        budget=options.budget,
        say=_say,
    )


def _run(topic: str, setup: Setup, only: Sequence[str] | None) -> Report:
    """Every server has ended when this returns or raises."""
    machine, sections = about(), list[Section]()
    for name, part in TOPICS[topic].parts.items():
        if not only or name in only:
            began = time.monotonic()
            title = name if name == topic else f"{topic}: {name}"
            _say(f"── {title}")
            sections.append(part(setup))
            _say(f"── {title}: {time.monotonic() - began:.0f} s")
    report = Report(topic, machine, setup.quick, sections)
    sys.stdout.write(as_markdown(report))
    sys.stdout.flush()
    return report


def _keep(reports: Sequence[Report], options: argparse.Namespace) -> None:
    """After each topic, so that a later one's failure costs nothing."""
    if options.markdown is not None:
        text = "\n".join(as_markdown(report) for report in reports)
        options.markdown.write_text(text, encoding="utf-8")
    if options.out is not None:
        options.out.write_text(as_json(reports), encoding="utf-8")
    if options.write is not None:
        write_page(options.write, reports)


def _judge(reports: Sequence[Report]) -> int:
    for report in reports:
        for bar in report.bars:
            if not bar.met:
                _say(f"missed: {bar.name}: {shown(bar.figure)}, asked for: {bar.bar}")
    return 0 if all(report.met for report in reports) else MISSED


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measure the service on this machine."
    )
    listed = "; ".join(f"{name}: {topic.about}" for name, topic in TOPICS.items())
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help=f"by default all; {listed}")
    parser.add_argument("--only", type=_names, metavar="A,B", help="these parts of the topic")
    parser.add_argument(
        "--out", "--json", type=Path, metavar="FILE", help="write all figures as JSON"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables too")
    parser.add_argument("--write", type=Path, metavar="FILE", help=_WRITE)
    parser.add_argument("--quick", action="store_true", help="a little of each; judges nothing")
    parser.add_argument("--models", type=Path, metavar="DIR", help="keep the built models here")
    parser.add_argument("--requests", type=_whole, default=600, help="to each policy (600)")
    parser.add_argument("--seeds", type=_wholes, default=(1, 2, 3), help="of the requests (1,2,3)")
    parser.add_argument(
        "--budget", type=_part, default=0.5, help="part of all models' charges (0.5)"
    )
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _part(text: str) -> float:
    number = float(text)
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no part of the whole")
    return number


def _wholes(text: str) -> tuple[int, ...]:
    return tuple(_whole(part) for part in text.split(","))


def _whole(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


if __name__ == "__main__":
    sys.exit(main())
