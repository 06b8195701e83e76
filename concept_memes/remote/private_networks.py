"""Which addresses lead to this machine or into a private network."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

__all__ = ["is_inside"]


def is_inside(address: str) -> bool:
    """Tell whether an address leads to this machine or into a private network.

    It guards against surprises, such as a picture on a public page that is the button of one's own router. It is no
    wall against a name server that gives another answer a moment later.

    Parameters
    ----------
    address : str
        Names are resolved, but for those that a proxy resolves.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_inside("http://127.0.0.1:8000/"), is_inside("http://192.168.1.1/"), is_inside("http://93.184.216.34/")
    (True, True, False)
    """
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return False
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        pass  # a name
    if parts.scheme.lower() in getproxies() and not proxy_bypass(host):
        return False
    try:
        found = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False  # nobody there; the request will say so
    return any(not ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_global for entry in found)
