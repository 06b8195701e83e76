from __future__ import annotations

import socket
from typing import Any

import pytest

import concept_memes.remote.private_networks
from concept_memes.remote.private_networks import is_inside


@pytest.fixture(autouse=True)
def numbers(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Answer for the name server, so that none is asked."""
    known = {"inside.example": "10.0.0.7", "outside.example": "93.184.216.34"}

    def getaddrinfo(host: str, *_: Any) -> list[Any]:
        if host not in known:
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[host], 0))]

    monkeypatch.setattr(concept_memes.remote.private_networks.socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(concept_memes.remote.private_networks, "getproxies", dict)
    return known


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://127.0.0.1/", True),
        ("http://[::1]:80/", True),
        ("http://[::ffff:127.0.0.1]/", True),
        ("http://10.1.2.3/", True),
        ("http://192.168.0.1/", True),
        ("http://169.254.169.254/latest/meta-data", True),
        ("http://0.0.0.0/", True),
        ("http://LOCALHOST:8000/", True),
        ("http://localhost./", True),
        ("http://printer.local/", True),
        ("http://inside.example/", True),
        ("http://outside.example/", False),
        ("http://unknown.example/", False),
        ("http://8.8.8.8/", False),
        ("http://[::/", False),
        ("", False),
    ],
)
def test_addresses_inside_are_told_from_those_outside(address: str, expected: bool) -> None:
    assert is_inside(address) is expected


def test_behind_a_proxy_names_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concept_memes.remote.private_networks, "getproxies", lambda: {"http": "http://proxy:3128"})
    monkeypatch.setattr(concept_memes.remote.private_networks, "proxy_bypass", lambda _: False)
    assert not is_inside("http://inside.example/")
    assert is_inside("http://10.0.0.7/")
