"""Whether an open service can be reached from other machines, and the warning that it can."""

import logging
from ipaddress import ip_address

import psutil

from api.door import Keys
from api.variables import PREFIX

logger = logging.getLogger(__name__)


def warn_if_open(keys: Keys) -> None:
    """Say in one line that the routes are open, where others than this machine can reach them."""
    if keys.admin:
        return
    try:
        reachable = [f"{host} port {port}" for host, port in listening() if beyond_loopback(host)]
    except (psutil.Error, OSError):
        reachable = ["the service"]  # the system does not say where it listens
    if reachable:
        logger.warning(
            "Whoever reaches %s may load, unload and predict without a token: set %sADMIN_TOKEN, "
            "and %sPREDICT_TOKEN for predictions",
            " and ".join(reachable),
            PREFIX,
            PREFIX,
        )


def listening() -> list[tuple[str, int]]:
    """Addresses and ports where this process takes connections over TCP.

    The server's socket is open before the service starts. The socket is asked, because the host may
    come from an option, from the environment or from a file of BentoML's.
    """
    return sorted(
        {
            (connection.laddr.ip, connection.laddr.port)
            for connection in psutil.Process().net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
    )


def beyond_loopback(host: str) -> bool:
    address = ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_loopback
