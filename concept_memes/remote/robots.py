"""What sites allow crawlers to do: robots.txt, asked for once per host."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from concept_memes.errors import MissingExtraError, UnreadableImageError
from concept_memes.remote.downloads import USER_AGENT_NAME
from concept_memes.remote.fetch_lanes import host_of

if TYPE_CHECKING:
    from concept_memes.remote.downloads import Downloads

__all__ = ["FORBIDDEN", "Robots"]

#: Why an address that robots.txt rules out is not asked for.
FORBIDDEN = "robots.txt forbids it"

_LONGEST_DELAY = 30.0  # seconds; some sites ask for a day


@dataclass(frozen=True)
class _Rules:
    """The rules of one host; without any, all is allowed."""

    parsed: Any = None
    unknown: str = ""  # why they are not known, and so nothing is allowed


class Robots:
    """Asks hosts what they allow, as :rfc:`9309` says.

    No such file (any 4xx) allows everything. A file that cannot be had (5xx, 429, time-outs, no connection) forbids
    everything: the host has wishes that we do not know, or troubles enough.

    Parameters
    ----------
    downloads : Downloads
        Asks for the files.

    Examples
    --------
    >>> from concept_memes.remote.downloading import Limits
    >>> from concept_memes.remote.downloads import Downloads
    >>> from concept_memes.remote.fetch_lanes import Lanes
    >>> robots = Robots(Downloads(Limits(n_retries=0), Lanes(4, 2, 8)))
    >>> robots.problem("http://127.0.0.1:9/cat.jpg")  # nobody listens there
    'robots.txt is not to be had (the server cannot be reached)'
    """

    def __init__(self, downloads: Downloads) -> None:
        self._downloads = downloads
        self._rules: dict[str, Future[_Rules]] = {}

    def ask_ahead(self, addresses: Iterable[str]) -> None:
        """Ask the hosts of addresses at the same time; no answer is waited for.

        One after another, the silent hosts among those of a page would take minutes each.

        Parameters
        ----------
        addresses : iterable of str
            Those that `problem` will be asked about.
        """
        for address in addresses:
            self._start(address)

    def problem(self, address: str) -> str | None:
        """Say why an address must not be asked for.

        Parameters
        ----------
        address : str

        Returns
        -------
        str or None
            None if it may.

        Raises
        ------
        MissingExtraError
            If protego is not installed.
        """
        rules = self._rules_for(address)
        if rules.unknown:
            return f"robots.txt is not to be had ({rules.unknown})"
        if rules.parsed is not None and not rules.parsed.can_fetch(address, USER_AGENT_NAME):
            return FORBIDDEN
        return None

    def delay(self, address: str) -> float:
        """Return how long a host wants to be left alone between two pages.

        Parameters
        ----------
        address : str

        Returns
        -------
        float
            Seconds, 30 at most; 0 if the host says nothing.
        """
        rules = self._rules_for(address)
        asked = rules.parsed.crawl_delay(USER_AGENT_NAME) if rules.parsed is not None else None
        return min(float(asked or 0.0), _LONGEST_DELAY)

    def _rules_for(self, address: str) -> _Rules:
        try:
            return self._start(address).result()
        except CancelledError:
            return _Rules(unknown="stopped")

    def _start(self, address: str) -> Future[_Rules]:
        parts = urlsplit(address)
        place = f"{parts.scheme}://{parts.netloc}/robots.txt"
        if place not in self._rules:
            self._rules[place] = Future()
            self._downloads.lanes.submit(host_of(place), self._rules[place], lambda: self._ask(place))
        return self._rules[place]

    def _ask(self, place: str) -> _Rules:
        try:
            from protego import Protego
        except ImportError as error:
            raise MissingExtraError(
                'robots.txt is read with protego: run pip install "concept-memes[remote]".'
            ) from error
        try:
            document = self._downloads.find_document(place)
        except UnreadableImageError as error:
            return _Rules(unknown=error.reason)
        return _Rules() if document is None else _Rules(Protego.parse(document.body.decode("utf-8", "replace")))
