"""Loading weights without the bar that transformers draws: a library does not write on its user's screen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["loading_quietly"]

# Two loads that overlap would restore each other's switch. transformers builds models under process-wide patches of
# torch anyway, so loading one after the other is also the safe way.
_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def loading_quietly() -> Iterator[None]:
    """Keep transformers from drawing bars while weights load; afterwards all is as the user had it.

    Whoever comes from another thread waits until the first has loaded. sentence-transformers loads through transformers
    and is silent as well.

    Examples
    --------
    >>> with loading_quietly():  # doctest: +SKIP
    ...     model = AutoModel.from_pretrained(folder)
    """
    from transformers.utils import logging as transformers_logging

    with _ONE_AT_A_TIME:
        # The public switch, disable_progress_bar(), also turns off the bars of huggingface_hub's downloads, and
        # enable_progress_bar() turns them on again although the user may have turned them off.
        shown = transformers_logging._tqdm_active
        transformers_logging._tqdm_active = False
        try:
            yield
        finally:
            transformers_logging._tqdm_active = shown
