"""An engine whose imports take until a gate is open; for a fork server to start with.

Its runners load what the ONNX engine does, under the name of torch's.
"""

import os
from pathlib import Path

from models import runner_main

GATE = "SLOW_ENGINE_GATE"
"""The environment variable with the path of a named pipe; the gate is open when it is gone."""


def warm_up() -> None:
    gate = Path(os.environ[GATE])
    if gate.exists():
        gate.read_bytes()
    runner_main.ENGINES["pytorch"] = runner_main.ENGINES["onnx"]
