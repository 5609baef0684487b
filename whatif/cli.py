"""`scripts/whatif`: replays a journal or a trace file and recommends a policy and a budget."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from models.journal import JournalError, read_history
from whatif.errors import WhatIfError
from whatif.reading import read_trace
from whatif.report import as_json, summary, table
from whatif.rivals import CONTENDERS
from whatif.study import Cell, Recommendation, budget_range, recommend, study
from whatif.trace import Thing, Trace, gather, of_history

MB = 1_000_000
NO_PLOT, UNUSABLE = 1, 2
"""Exit statuses: the plot that was asked for could not be drawn; the input cannot be used."""


def default_journal() -> Path:
    """Where a service with this environment writes its journal."""
    told = os.environ.get("MODEL_CACHE_JOURNAL")
    if told:
        return Path(told)
    home = os.environ.get("BENTOML_HOME") or "~/bentoml"
    return Path(home).expanduser() / "model-cache" / "accesses.sqlite3"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except (WhatIfError, JournalError) as error:
        _say(f"error: {error}")
        return UNUSABLE


def _run(options: argparse.Namespace) -> int:
    trace = _trace(options)
    print(summary(trace))
    budgets = tuple(sorted({round(mb * MB) for mb in options.budgets_mb or ()}))
    cells = study(
        trace,
        options.policies,
        budgets or budget_range(trace),
        max_entries=options.max_models,
        workers=options.workers,
        progress=_progress,
    )
    advice = recommend(cells, trace.load_seconds)
    print(f"\n{table(cells)}\n\n{_advice(advice)}")
    if options.json is not None:
        _write(options.json, as_json(trace, cells, advice))
    return _plot(cells, advice, options.png) if options.png is not None else 0


def _trace(options: argparse.Namespace) -> Trace:
    assumed = None
    if (options.assume_mb is None) != (options.assume_load_seconds is None):
        raise WhatIfError("--assume-mb and --assume-load-seconds come together: give both")
    if options.assume_mb is not None:
        assumed = Thing(round(options.assume_mb * MB), options.assume_load_seconds)
    if options.trace is not None:
        trace = read_trace(options.trace, assumed)
    else:
        trace = of_history(read_history(options.journal or default_journal()), assumed)
    if options.last is None:
        return trace
    return replace(gather(trace.things, trace.accesses[-options.last :]), left_out=trace.left_out)


def _advice(advice: Recommendation | None) -> str:
    if advice is None:
        return (
            "No recommendation: among these is no policy that the service offers, with a budget"
            " that every model fits in."
        )
    chosen = advice.cell
    return f"Recommended: {chosen.policy}, {chosen.budget / MB:,.0f} MB. {advice.reason}"


def _plot(cells: Sequence[Cell], advice: Recommendation | None, path: Path) -> int:
    try:
        from whatif.plot import draw  # noqa: PLC0415  # only who wants a picture needs matplotlib
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        _say(
            f"{path} is not drawn, for matplotlib is missing: run scripts/whatif where the package"
            " index can be reached, or pip install -r requirements/whatif.txt"
        )
        return NO_PLOT
    try:
        draw(cells, advice, path)
    except OSError as error:
        raise WhatIfError(f"{path} cannot be written: {error}") from error
    return 0


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WhatIfError(f"{path} cannot be written: {error}") from error


def _progress(done: int, of: int) -> None:
    """On a terminal one line that counts; elsewhere a line for every fifth part."""
    if sys.stderr.isatty():
        print(f"\rreplayed {done} of {of}", end="\n" if done == of else "", file=sys.stderr)
    elif done * 5 // of > (done - 1) * 5 // of:
        _say(f"replayed {done} of {of}")


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/whatif",
        description="Replay recorded requests through the cache's policies and budgets.",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--journal", type=Path, help="a service's access journal")
    source.add_argument("--trace", type=Path, help="CSV (at,model[,bytes,load_seconds]) or JSONL")
    parser.add_argument("--budgets-mb", type=_numbers, help="1000,2000,… (default: ten, up to all)")
    parser.add_argument("--policies", type=_policies, default=tuple(CONTENDERS), help="a,b,…")
    parser.add_argument("--max-models", type=_whole, default=1 << 30, help="places (max_models)")
    parser.add_argument("--last", type=_whole, help="only so many of the latest requests")
    parser.add_argument("--assume-mb", type=_number, help="of models without figures")
    parser.add_argument("--assume-load-seconds", type=_number, help="of models without figures")
    parser.add_argument("--png", type=Path, help="draw both figures against the budget")
    parser.add_argument("--json", type=Path, help="write everything that was found")
    parser.add_argument("--workers", type=_whole, default=os.cpu_count() or 1, help="processes")
    return parser


def _policies(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    unknown = [name for name in names if name not in CONTENDERS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: there are {', '.join(CONTENDERS)}")
    return names


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(_number(part) for part in text.split(","))


def _number(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _whole(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


if __name__ == "__main__":
    sys.exit(main())
