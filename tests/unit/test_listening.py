"""Where the service can be reached from, and the warning that it is open there."""

import logging
import socket

import pytest

from api.door import Keys
from api.listening import beyond_loopback, listening, warn_if_open


@pytest.mark.parametrize(
    ("host", "reachable"),
    [
        ("127.0.0.1", False),
        ("127.8.0.1", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("0.0.0.0", True),  # noqa: S104
        ("::", True),
        ("192.0.2.7", True),
        ("fe80::1%eth0", True),
        ("::ffff:192.0.2.7", True),
    ],
)
def test_loopback_is_told_from_the_rest(host: str, reachable: bool) -> None:
    """Seen failing with mapped addresses taken as they are."""
    assert beyond_loopback(host) is reachable


def test_an_open_service_that_others_can_reach_warns_in_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Planted faults: warned though there is a token; an address without its port."""
    with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104  # what is warned about
        port = server.getsockname()[1]
        found = listening()
        warn_if_open(Keys(admin=(b"a" * 16,)))
        locked = list(caplog.records)
        warn_if_open(Keys())

    assert ("0.0.0.0", port) in found  # noqa: S104
    assert locked == []
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    message = record.getMessage()
    assert f"0.0.0.0 port {port}" in message
    assert "MODEL_CACHE_ADMIN_TOKEN" in message
    assert "MODEL_CACHE_PREDICT_TOKEN" in message
    assert "\n" not in message


def test_a_service_on_loopback_is_not_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    """Planted fault: sockets counted that only connect."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        here, own = server.getsockname(), client.getsockname()
        found = listening()
        warn_if_open(Keys())

    assert here in found
    assert own not in found
    assert caplog.records == []
