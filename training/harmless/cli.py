"""`scripts/generate_harmless`: writes the texts that are generated for the project.

Exit codes: 0 written, 1 failed (the last line on stderr says why), 2 usage.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from models.labelled.rows import DataError, write_rows
from training.harmless.files import SEED, WRITTEN, written_files


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/generate_harmless",
        description="Write the generated texts: harmless ones that sound like attacks, and attacks "
        "that sound harmless, each for training and for tuning.",
    )
    parser.add_argument("--out", type=Path, default=WRITTEN, help=f"folder; by default {WRITTEN}")
    parser.add_argument("--seed", type=int, default=SEED, help=f"by default {SEED}")
    options = parser.parse_args(arguments)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        for name, rows in written_files(options.seed).items():
            write_rows(options.out / name, rows)
            sys.stdout.write(f"{options.out / name}: {len(rows)} rows\n")
    except (DataError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
