"""Is the model hub there? Answered in a bounded time, because its client would wait for minutes.

Variables of the environment (``HF_ENDPOINT``, ``HF_HUB_OFFLINE``, ...) are read at every call: huggingface_hub reads
them once, at its import, so that a variable set in a running notebook would be passed over.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable

__all__ = ["FILE_PATIENCE", "PATIENCE", "endpoint", "hub_answers", "hub_sends", "is_offline", "within"]

logger = logging.getLogger(__name__)

PATIENCE = 3.0  # seconds that the hub has for one answer
FILE_PATIENCE = 10.0  # seconds for the first byte of a file: it comes from another server, after some redirects
_TRUE = {"1", "ON", "YES", "TRUE"}
_DESCRIPTION = "api/models/sentence-transformers/clip-ViT-B-32"  # public, and on every mirror
_MOST_BYTES = 4 * 1024 * 1024  # the hub's answer is some ten thousand bytes


def endpoint() -> str:
    """Return the hub's address: ``HF_ENDPOINT``, or the hub itself.

    Examples
    --------
    >>> endpoint().startswith("http")
    True
    """
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def is_offline() -> bool:
    """Tell whether the user forbade requests to the hub (``HF_HUB_OFFLINE`` or ``TRANSFORMERS_OFFLINE``).

    Examples
    --------
    >>> isinstance(is_offline(), bool)
    True
    """
    value = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return value.upper() in _TRUE


def hub_answers(timeout: float = PATIENCE) -> bool:
    """Ask the hub once whether it is there; the answer comes within `timeout` whatever the server does.

    The request goes out with huggingface_hub's own client, so it passes the proxies and certificates that a download
    would pass. Only the description of the model in JSON counts: the login page of a hotel's network answers too.

    Parameters
    ----------
    timeout : float, default=3.0
        Seconds, for everything together: a server that stalls, dribbles or redirects for ever costs no more.

    Returns
    -------
    bool
        Whether the hub answered. Never raises.

    Examples
    --------
    >>> import os
    >>> os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"  # nobody listens there
    >>> hub_answers(timeout=1.0)
    False
    >>> del os.environ["HF_ENDPOINT"]
    """
    return not is_offline() and within(timeout, lambda: _describes_a_model(timeout))


def hub_sends(repository: str, file: str, timeout: float = FILE_PATIENCE) -> bool:
    """Ask the hub for the first byte of a file; the answer comes within `timeout` whatever the server does.

    A hub that answers may still not send: files lie on other servers, which a firewall may block. A download would find
    that out after retries of half a minute to several minutes per file, or never where a server stalls.

    Parameters
    ----------
    repository : str
        Id on the hub.
    file : str
        Path of the file in the repository.
    timeout : float, default=10.0
        Seconds, for everything together.

    Returns
    -------
    bool
        Whether a byte came, or a refusal (no rights, no such file) that a download will explain better. Never raises.

    Examples
    --------
    >>> import os
    >>> os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"  # nobody listens there
    >>> hub_sends("openai/clip-vit-base-patch32", "config.json", timeout=1.0)
    False
    >>> del os.environ["HF_ENDPOINT"]
    """
    return not is_offline() and within(timeout, lambda: _sends_a_byte(repository, file, timeout))


def within(timeout: float, ask: Callable[[], bool]) -> bool:
    """Return what `ask` returns, or False if it raises or takes longer.

    Timeouts of a client count from byte to byte. Only a thread that is left behind bounds the whole.

    Parameters
    ----------
    timeout : float
        Seconds.
    ask : callable
        Asks a server something.

    Returns
    -------
    bool

    Examples
    --------
    >>> within(1.0, lambda: True)
    True
    """
    answers: list[bool] = []

    def listen() -> None:
        try:
            answers.append(ask())
        except Exception:  # whatever went wrong, in the client, a proxy or a hook: there is no hub to be had
            logger.debug("Nobody answers (the hub is %s).", endpoint(), exc_info=True)

    thread = threading.Thread(target=listen, name="concept-memes-hub", daemon=True)
    thread.start()
    thread.join(timeout)
    return any(answers)


def _describes_a_model(timeout: float) -> bool:
    from huggingface_hub import get_session

    deadline = time.monotonic() + timeout
    body = b""
    with get_session().stream("GET", f"{endpoint()}/{_DESCRIPTION}", timeout=timeout) as response:
        if response.status_code != 200:
            return False
        for part in response.iter_bytes():
            body += part
            if time.monotonic() > deadline or len(body) > _MOST_BYTES:
                return False
    description = json.loads(body)
    return isinstance(description, dict) and isinstance(description.get("id", description.get("modelId")), str)


def _sends_a_byte(repository: str, file: str, timeout: float) -> bool:
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # exported, but lazily

    url = hf_hub_url(repository, file, endpoint=endpoint())
    headers = {**build_hf_headers(), "Accept-Encoding": "identity", "Range": "bytes=0-0"}
    with get_session().stream("GET", url, headers=headers, timeout=timeout, follow_redirects=True) as response:
        if response.is_success:
            return any(response.iter_raw())  # the first byte is enough
        return 400 <= response.status_code < 500 and response.status_code not in (408, 429)
