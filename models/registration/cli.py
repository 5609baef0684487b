"""`scripts/register`: puts a model into the model store, with a line for each step.

Exit codes: 0 registered, 1 failed (the last line on stderr says why), 2 usage, and, for the script
alone, what has to be installed first: 3 the torch extra, 4 MLflow's client.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from models.catalogue import ENGINES, PRECISIONS, load_catalogue
from models.errors import ModelError
from models.forkserver import ForkServer
from models.registration.heads.lesson import ROWS, Teaching
from models.registration.making import TorchNeeded
from models.registration.origins.registry import MlflowNeeded
from models.registration.register import register
from models.spec import StoredModel
from models.store import ModelStore

DONE, FAILED, TORCH_NEEDED, MLFLOW_NEEDED, INTERRUPTED = 0, 1, 3, 4, 130

_EPILOG = """sources:
  dir:PATH           a folder with one .onnx file, tokenizer.json and config.json that names the
                     classes in id2label; or a transformers folder with .safetensors weights, of
                     a classifier, or of an encoder, which gets a head here
  hf:REPO[@REVISION] such a folder on the Hugging Face hub (HF_ENDPOINT, HF_TOKEN, HF_HOME and
                     HF_HUB_OFFLINE are honoured)
  mlflow:models:/NAME@ALIAS, mlflow:models:/NAME/VERSION
                     a model in an MLflow registry, of flavour transformers (safetensors) or onnx
                     (MLFLOW_TRACKING_URI and MLflow's other settings are honoured)
  bento:NAME[:VERSION]
                     a model that stands in the BentoML store under another name
  embedded           the classifier that ships with the project

The store is BentoML's (BENTOML_HOME); MODEL_CACHE_CATALOGUE names another catalogue.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/register",
        description="Put a model into the model store, so that the service can serve it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help="the name that it is served under")
    parser.add_argument("--source", help="where it is; by default where the catalogue says")
    parser.add_argument(
        "--engine", choices=ENGINES, help="what runs it; by default what the catalogue says"
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="auto is the smallest that keeps the answers; by default what the catalogue says",
    )
    _add_teaching(parser)
    options = parser.parse_args(arguments)
    # Else every registration would tell BentoML's makers of itself, and wait for them offline.
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    try:
        asyncio.run(_interruptible(options))
    except TorchNeeded as error:
        _tell(str(error))
        return TORCH_NEEDED
    except MlflowNeeded as error:
        _tell(str(error))
        return MLFLOW_NEEDED
    except ModelError as error:
        _tell(f"error: {error}")
        return FAILED
    except (KeyboardInterrupt, asyncio.CancelledError):
        _tell("interrupted; nothing was registered")
        return INTERRUPTED
    return DONE


async def _interruptible(options: argparse.Namespace) -> StoredModel:
    """SIGTERM ends it as Ctrl-C does: cleaning up on the way out."""
    task = asyncio.current_task()
    if task:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    chosen = os.environ.get("MODEL_CACHE_CATALOGUE")
    catalogue = load_catalogue(Path(chosen) if chosen else None)
    store = await asyncio.to_thread(ModelStore)
    forkserver = await ForkServer.start()
    try:
        return await register(
            options.name,
            options.source,
            store=store,
            forkserver=forkserver,
            catalogue=catalogue,
            progress=_tell,
            engine=options.engine,
            precision=options.precision,
            teaching=Teaching(options.data, options.judge, options.rows, options.force),
        )
    finally:
        await forkserver.aclose()


def _add_teaching(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "an encoder without a head", "gets one that is fitted on labelled texts (docs/heads.md)"
    )
    group.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="JSON lines with text, label and source; by default those of scripts/build_dataset",
    )
    group.add_argument(
        "--judge",
        type=Path,
        metavar="FILE",
        help="what the head is judged by; by default those of scripts/build_dataset, too, or a"
        " fifth of --data that is held out",
    )
    group.add_argument(
        "--rows",
        type=_count,
        default=ROWS,
        metavar="N",
        help=f"read this many texts of each file at most, each label its share ({ROWS})",
    )
    group.add_argument(
        "--force", action="store_true", help="register it even where the head is worth too little"
    )


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
