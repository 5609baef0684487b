"""`scripts/alias`: names versions of models in the store, whether or not a service runs.

Exit codes: 0 done, 1 failed (the last line on stderr says why), 2 usage.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from models.errors import ModelError
from models.store import ModelStore

_EPILOG = """aliases:
  champion  is what the plain NAME stands for; without one that is the newest version
  latest    is the newest version, and cannot be set
A running service takes a new champion as soon as NAME is asked for again: it is loaded beside the
version in memory, tried, and put in its place. PUT /models/NAME/aliases/ALIAS does so at once.

The store is BentoML's (BENTOML_HOME).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/alias",
        description="Have an alias name a version of a model, or no version any more.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help="the model's name")
    parser.add_argument("alias", metavar="ALIAS", help="champion, or any other name")
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("version", metavar="VERSION", nargs="?", help="what it is to name")
    chosen.add_argument("--delete", action="store_true", help="it is to name nothing")
    options = parser.parse_args(arguments)
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    try:
        before = ModelStore().set_alias(options.name, options.alias, options.version)
    except ModelError as error:
        _tell(f"error: {error}")
        return 1
    _tell(_done(options.name, options.alias, options.version, before))
    return 0


def _done(name: str, alias: str, version: str | None, before: str | None) -> str:
    if version is None:
        gone = "was not set" if before is None else f"no longer names {name}:{before}"
        return f"{name}:{alias} {gone}."
    former = f" (before: {name}:{before})" if before not in (None, version) else ""
    return f"{name}:{alias} names {name}:{version}{former}."


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
