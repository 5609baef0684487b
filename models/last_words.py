"""What other processes write to standard error becomes lines of our own log."""

import logging
import threading
from typing import IO

MAX_LINE = 8192
"""Bytes of one line of the log; what is longer goes on in the next."""


def relay(stream: IO[bytes], log: logging.Logger) -> threading.Thread:
    """Log each line as a warning until the stream ends, in a thread that nobody has to wait for.

    The thread may be joined when all who write are gone.
    """
    thread = threading.Thread(target=_relay, args=(stream, log), daemon=True, name="last words")
    thread.start()
    return thread


def _relay(stream: IO[bytes], log: logging.Logger) -> None:
    with stream:
        while line := stream.readline(MAX_LINE):
            words = line.decode(errors="replace").rstrip()
            if words:
                log.warning("%s", words)
