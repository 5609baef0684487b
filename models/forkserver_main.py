"""The fork server process: does the heavy imports once, then forks runners.

It has one thread, so that a fork copies no lock that somebody holds, and it holds nothing but
its control socket: each request is one datagram with the runner's end of a socket pair. At the
end of that socket it ends its process group, that is itself and every runner it forked, the
stopped and the hung ones too. Runners that outlive it see the end of their own socket.
"""

import gc
import importlib
import os
import signal
import socket
import sys
from contextlib import suppress

from models import runner_main, wire


def main(control: socket.socket, preload: str) -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps: no zombies
    os.setsid()
    importlib.import_module(preload).warm_up()
    gc.collect()
    gc.freeze()
    with suppress(ConnectionError):
        control.send(b"ready")
        _fork_for_each_request(control)
    os.killpg(0, signal.SIGKILL)


def _fork_for_each_request(control: socket.socket) -> None:
    """Return at the end of `control`; with something unread in it that is a ConnectionError."""
    while True:
        request, fds, _, _ = socket.recv_fds(control, 64, 1)
        if not request:
            return
        for fd in fds:
            _fork(socket.socket(fileno=fd))


def _fork(link: socket.socket) -> None:
    with link:
        try:
            pid = os.fork()
        except OSError as error:
            _refuse(link, f"cannot fork: {error}")
            return
        if pid == 0:
            runner_main.run(link)


def _refuse(link: socket.socket, reason: str) -> None:
    with suppress(ConnectionError):
        link.send(wire.encode({"error": reason}))


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
