"""`scripts/bench`: runs a topic, tells of it on stderr, prints what was found as Markdown.

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

from bench.figures import shown
from bench.machine import about
from bench.report import Report, Section, as_json, as_markdown
from bench.servers import ServerFailed
from bench.setup import Setup
from bench.topics import TOPICS, Topic
from models.errors import ModelError

MISSED, NOT_RUN, INTERRUPTED = 1, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    options = _parser().parse_args(arguments)
    topic = TOPICS[options.topic]
    unknown = sorted(set(options.only or ()) - set(topic.parts))
    if unknown:
        _say(f"error: {options.topic} has no {', '.join(unknown)}; it has {', '.join(topic.parts)}")
        return 2
    logging.disable(logging.WARNING)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        report = _run(topic, options)
    except (ServerFailed, ModelError, httpx.HTTPError) as error:
        _say(f"error: {error}")
        return NOT_RUN
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    return _deliver(report, options)


def _run(topic: Topic, options: argparse.Namespace) -> Report:
    """Every server has ended when this returns or raises."""
    machine = about()
    with ExitStack() as stack:
        if options.models is None:
            temporary = tempfile.TemporaryDirectory(prefix="model-cache-bench-")
            options.models = Path(stack.enter_context(temporary))
        setup = Setup(
            models=options.models.absolute(),
            quick=options.quick,
            requests=40 if options.quick else options.requests,
            seeds=options.seeds[:1] if options.quick else options.seeds,
            budget=options.budget,
            say=_say,
        )
        sections: list[Section] = []
        for name, part in topic.parts.items():
            if not options.only or name in options.only:
                began = time.monotonic()
                _say(f"── {name}")
                sections.append(part(setup))
                _say(f"── {name}: {time.monotonic() - began:.0f} s")
    return Report(options.topic, machine, options.quick, sections)


def _deliver(report: Report, options: argparse.Namespace) -> int:
    text = as_markdown(report)
    sys.stdout.write(text)
    if options.markdown is not None:
        options.markdown.write_text(text, encoding="utf-8")
    if options.out is not None:
        options.out.write_text(as_json(report), encoding="utf-8")
    missed = [bar for bar in report.bars if not bar.met]
    for bar in missed:
        _say(f"missed: {bar.name}: {shown(bar.figure)}, asked for: {bar.bar}")
    return 0 if report.met else MISSED


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measure the service on this machine."
    )
    listed = "; ".join(f"{name}: {topic.about}" for name, topic in TOPICS.items())
    parser.add_argument("topic", choices=sorted(TOPICS), help=listed)
    parser.add_argument("--only", type=_names, metavar="A,B", help="these parts of the topic")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write all figures as JSON")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables too")
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
