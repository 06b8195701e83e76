"""What a user asked of an encoder's device, precision and batch size, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from concept_memes.encoders.devices import (
    check_choices,
    default_batch_size,
    device_kind,
    resolve_device,
    resolve_precision,
)

__all__ = ["Placement"]

# Texts per call where the batch size is "auto": words are short.
_TEXTS_CPU = 32
_TEXTS_ELSEWHERE = 256


@dataclass(frozen=True)
class Placement:
    """Device, precision and batch size, as given; resolved on first use, because that may need torch.

    Parameters
    ----------
    given_device : str, default="auto"
    given_precision : str, default="auto"
    given_batch_size : int or "auto", default="auto"
    cpu_batch_size : int, optional
        Pictures per call on a CPU where the batch size is "auto", for models that another number suits.

    Raises
    ------
    InvalidParameterError
        One of them has a value that it cannot have.

    Examples
    --------
    >>> placement = Placement("cpu", "int8")
    >>> placement.device, placement.precision, placement.batch_size, placement.text_batch_size
    ('cpu', 'int8', 16, 32)
    """

    given_device: str = "auto"
    given_precision: str = "auto"
    given_batch_size: int | str = "auto"
    cpu_batch_size: int | None = None

    def __post_init__(self) -> None:
        check_choices(self.given_device, self.given_precision, self.given_batch_size)

    @cached_property
    def device(self) -> str:
        """Where the model runs, such as ``"cpu"`` or ``"cuda"``."""
        return resolve_device(self.given_device)

    @cached_property
    def kind(self) -> str:
        """The device without its number: two cards of one machine give the same bits."""
        return device_kind(self.device)

    @cached_property
    def precision(self) -> str:
        """``"fp32"``, ``"fp16"``, ``"bf16"`` or ``"int8"``."""
        return resolve_precision(self.given_precision, self.device)

    @cached_property
    def batch_size(self) -> int:
        """Pictures in every call of the model."""
        if self.given_batch_size != "auto":
            return int(self.given_batch_size)
        if self.cpu_batch_size is not None and self.kind == "cpu":
            return self.cpu_batch_size
        return default_batch_size(self.device)

    @cached_property
    def text_batch_size(self) -> int:
        """Texts in every call of the model."""
        if self.given_batch_size != "auto":
            return int(self.given_batch_size)
        return _TEXTS_CPU if self.kind == "cpu" else _TEXTS_ELSEWHERE

    def __reduce__(self) -> tuple[type[Placement], tuple[str, str, int | str, int | None]]:
        """Leave behind what it came to: another machine has other devices."""
        return Placement, (self.given_device, self.given_precision, self.given_batch_size, self.cpu_batch_size)

    def describe(self) -> str:
        """Return what differs from "auto", as arguments.

        Examples
        --------
        >>> Placement("cpu", "auto", 8).describe()
        ", device='cpu', batch_size=8"
        """
        given = {"device": self.given_device, "precision": self.given_precision, "batch_size": self.given_batch_size}
        return "".join(f", {name}={value!r}" for name, value in given.items() if value != "auto")
