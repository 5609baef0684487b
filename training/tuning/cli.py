"""`scripts/train`: fine-tunes an encoder on labelled texts and registers what comes of it.

Exit codes: 0 done, 1 failed (the last line on stderr says why), 2 usage.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from models.errors import ModelError
from models.labelled.rows import LABELS, DataError
from models.registration.cli import main as register
from models.registration.origins.hub import download
from training.tuning.recipe import Recipe
from training.tuning.sets import Sets, gather

DONE, FAILED, INTERRUPTED = 0, 1, 130
_PLAIN = Recipe()
_ROOT = Path(__file__).parents[2]
_WRITTEN = _ROOT / "training" / "written"
_JUDGED = _ROOT / "training" / "judged"
_BUILT = _ROOT / "build" / "dataset"

_EPILOG = """encoder:
  dir:PATH           a transformers folder with safetensors weights
  hf:REPO[@REVISION] one on the Hugging Face hub

Without --data the texts are those of scripts/build_dataset (build/dataset/train.jsonl) and those
that ship with the project (training/written). NAME ends in _trained by custom.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        folder = _train(options)
        if options.release is not None:
            _release(folder, options.release, options.max_length)
    except (DataError, ModelError) as error:
        _tell(f"error: {error}")
        return FAILED
    except KeyboardInterrupt:
        _tell("interrupted; nothing was registered")
        return INTERRUPTED
    if not options.register:
        return DONE
    return register([options.name, "--source", f"dir:{folder}"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/train",
        description="Fine-tune an encoder on labelled texts, judge it, and register it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help="the name that it is served under")
    parser.add_argument("--encoder", required=True, help="what is fine-tuned, see below")
    parser.add_argument(
        "--data", type=Path, nargs="+", default=[], help="JSONL files of text, label and source"
    )
    parser.add_argument(
        "--judge",
        type=_named,
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="texts that it is not trained on, but judged by; may be repeated",
    )
    parser.add_argument("--epochs", type=float, default=_PLAIN.epochs, help="%(default)s")
    parser.add_argument("--minutes", type=float, help="train for so long at most")
    parser.add_argument("--rate", type=float, default=_PLAIN.rate, help="%(default)s")
    parser.add_argument("--max-length", type=int, default=_PLAIN.max_length, help="%(default)s")
    parser.add_argument("--batch-tokens", type=int, default=_PLAIN.batch_tokens, help="%(default)s")
    parser.add_argument(
        "--word-dropout", type=float, default=_PLAIN.word_dropout, help="%(default)s"
    )
    parser.add_argument(
        "--teacher", metavar="dir:PATH", help="a trained classifier, whose answers are learnt too"
    )
    parser.add_argument(
        "--caution", type=float, default=_PLAIN.caution, help="against harmless; %(default)s nats"
    )
    parser.add_argument("--seed", type=int, default=_PLAIN.seed, help="%(default)s")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N; %(default)s")
    parser.add_argument("--out", type=Path, help="where to put it; build/trained/NAME")
    parser.add_argument(
        "--no-register", dest="register", action="store_false", help="only make the folder"
    )
    parser.add_argument(
        "--release", type=Path, metavar="FOLDER", help="write it there as one int8 graph, too"
    )
    return parser


def _named(text: str) -> tuple[str, Path]:
    name, found, path = text.partition("=")
    if not found or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FILE")
    return name, Path(path)


def _train(options: argparse.Namespace) -> Path:
    """The folder of what was trained. Raises DataError or ModelError."""
    sets = _sets(options)
    recipe = Recipe(
        epochs=options.epochs,
        rate=options.rate,
        batch_tokens=options.batch_tokens,
        max_length=options.max_length,
        word_dropout=options.word_dropout,
        caution=options.caution,
        minutes=options.minutes,
        seed=options.seed,
    )
    from training.tuning.card import NAME, write_card  # noqa: PLC0415  # torch takes seconds
    from training.tuning.making import Origins, make  # noqa: PLC0415

    target: Path = options.out or _ROOT / "build" / "trained" / options.name
    known = [label for label in LABELS if label in sets.labels]
    labels = tuple(known + [label for label in sets.labels if label not in LABELS])
    teacher = None if options.teacher is None else _encoder(options.teacher)
    origins = Origins(_encoder(options.encoder), teacher, options.device)
    made = make(origins, sets, labels, recipe, target, _tell)
    taught = None if options.teacher is None else _shown(options.teacher)
    write_card(options.name, _shown(options.encoder), taught, sets, recipe, made)
    for name, figures in made.figures.items():
        _tell(f"{name}: macro-F1 {figures.macro_f1:.3f}, accuracy {figures.accuracy:.3f}")
    _tell(f"written to {target}, with a {NAME}")
    return target


def _sets(options: argparse.Namespace) -> Sets:
    data, judged = list(options.data), dict(options.judge)
    if not data:
        data = [_BUILT / "train.jsonl", *sorted(_WRITTEN.glob("*_train.jsonl"))]
        judged = {"test": _BUILT / "test.jsonl"} | judged
        judged |= {path.stem: path for path in sorted(_WRITTEN.glob("*_tuning.jsonl"))}
        judged |= {f"judged_{path.stem}": path for path in sorted(_JUDGED.glob("*.jsonl"))}
        if not data[0].is_file():
            raise DataError(f"{data[0]} is missing: run scripts/build_dataset, or give --data")
    return gather(data, judged)


def _shown(origin: str) -> str:
    """A folder by its last name: where it lies is nobody's business."""
    kind, _, place = origin.partition(":")
    return Path(place).name if kind == "dir" else origin


def _encoder(origin: str) -> Path:
    """Raises DataError or ModelError."""
    kind, _, place = origin.partition(":")
    if kind == "dir" and Path(place).is_dir():
        return Path(place)
    if kind == "hf" and place:
        repo, _, revision = place.partition("@")
        return download(repo, revision or None, _tell)
    raise DataError(f"{origin!r} is no encoder: use dir:PATH of a folder, or hf:REPO")


def _release(folder: Path, target: Path, max_length: int) -> None:
    from training.tuning.releasing import release  # noqa: PLC0415

    size = release(folder, target, max_length)
    _tell(f"released to {target}: {size / 1e6:.1f} MB")


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
