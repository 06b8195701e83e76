"""Memory that is not enough: every device says so in its own way, and all become one error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from concept_memes.encoders.devices import device_kind
from concept_memes.errors import EncoderMemoryError

__all__ = ["memory_errors"]

# What torch and oneDNN say on a CPU, in a plain RuntimeError.
_SIGNS = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc", "could not create a memory")


@contextmanager
def memory_errors(device: str, n_rows: int, what: str = "pictures") -> Iterator[None]:
    """Turn an error that means too little memory into `EncoderMemoryError`, and free what the device holds back.

    Parameters
    ----------
    device : str
        Where the model runs.
    n_rows : int
        Pictures or texts in the batch; stands in the message.
    what : str, default="pictures"
        What they are.

    Raises
    ------
    EncoderMemoryError
        The batch did not fit. The caller may try again with a smaller one.

    Examples
    --------
    >>> with memory_errors("cpu", 32):
    ...     raise MemoryError
    Traceback (most recent call last):
    concept_memes.errors.EncoderMemoryError: A batch of 32 pictures does not fit into the memory of the device cpu. ...
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is a RuntimeError
        if not _means_memory(error):
            raise
        _free(device)
        raise EncoderMemoryError(
            f"A batch of {n_rows} {what} does not fit into the memory of the device {device}. Use a smaller "
            "batch_size or a smaller model, or close what else runs there."
        ) from error


def _means_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return any(sign in str(error).lower() for sign in _SIGNS)


def _free(device: str) -> None:
    """Give back what torch's allocator keeps for later; on a CPU it keeps nothing."""
    torch = sys.modules.get("torch")
    kind = device_kind(device)
    if torch is not None and kind != "cpu":
        getattr(torch, kind).empty_cache()
