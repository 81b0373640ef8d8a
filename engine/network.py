"""No network: a guard that refuses every connection of this process, and counts what it refused.

Nothing here needs the network. The guard makes sure of it for libraries, too: connecting, binding, sending and looking
up names fail as on a machine without network. Sockets between programs of this machine are left alone.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

EVENTS: Final = {
    "socket.connect": 1, "socket.bind": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0, "socket.gethostbyaddr": 0,
}  # fmt: skip
"""Python's audit event → which of its arguments is the address."""

refused: list[str] = []
"""The audit events that were refused, oldest first; no addresses."""
_listeners: list[Callable[[], None]] = []
_guarding = False


def guard() -> None:
    """Refuse the network in this process until it ends. Raises later, in whoever tries: ConnectionRefusedError."""
    global _guarding
    if not _guarding:
        _guarding = True
        sys.addaudithook(_check)


def guarding() -> bool:
    return _guarding


def listen(listener: Callable[[], None]) -> None:
    """Call `listener`, in any thread, after something was refused."""
    _listeners.append(listener)


def _check(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in EVENTS:
        return
    address = arguments[EVENTS[event]]
    if isinstance(arguments[0], socket.socket):
        if arguments[0].family not in (socket.AF_INET, socket.AF_INET6):
            return
        if address is None:  # sending on a socket that is connected, and so was asked about before
            return
        address = address[0]
    if address is None or _is_here(address):
        return
    refused.append(event)
    for listener in _listeners:
        listener()
    raise ConnectionRefusedError("Porelight uses no network.")


def _is_here(address: str | bytes) -> bool:
    """Whether a name or number means this machine (RFC 6761 section 6.3; RFC 1122, 127/8; RFC 4291, ::1)."""
    name = address.decode("ascii", "replace") if isinstance(address, bytes) else str(address)
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
