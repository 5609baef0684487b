"""`scripts/register`: puts a model into the model store, with a line for each step.

Exit codes: 0 registered, 1 failed (the last line on stderr says why), 2 usage, and 3, for the
script alone: the torch extra has to be installed first.
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
from models.registration.making import TorchNeeded
from models.registration.register import register
from models.spec import StoredModel
from models.store import ModelStore

DONE, FAILED, TORCH_NEEDED, INTERRUPTED = 0, 1, 3, 130

_EPILOG = """sources:
  dir:PATH           a folder with one .onnx file, tokenizer.json and config.json that names the
                     classes in id2label; or a transformers folder with .safetensors weights and
                     a trained classification head
  hf:REPO[@REVISION] such a folder on the Hugging Face hub (HF_ENDPOINT, HF_TOKEN, HF_HOME and
                     HF_HUB_OFFLINE are honoured)
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
    options = parser.parse_args(arguments)
    # Else every registration would tell BentoML's makers of itself, and wait for them offline.
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    try:
        asyncio.run(_interruptible(options))
    except TorchNeeded as error:
        _tell(str(error))
        return TORCH_NEEDED
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
        )
    finally:
        await forkserver.aclose()


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
