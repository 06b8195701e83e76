"""Where a model runs, in which precision, and how many pictures at a time.

The answers are part of an encoder's fingerprint, and a run whose vectors are all in the cache needs nothing but that.
So they are found without torch, whose import takes seconds, wherever the system tells.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from functools import cache
from pathlib import Path

from concept_memes.errors import ConceptMemesWarning, EncoderError, InvalidParameterError

__all__ = [
    "check_choices",
    "default_batch_size",
    "device_kind",
    "resolve_device",
    "resolve_precision",
    "warn_if_slow",
]

PRECISIONS = ("auto", "fp32", "fp16", "bf16", "int8")
_DEVICE = re.compile(r"auto|(cpu|cuda|mps|xpu)(:\d+)?")
# NVIDIA, NVIDIA Jetson, AMD, and the graphics card of Windows as its Linux sees it.
_GRAPHICS = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/nvmap", "/dev/kfd", "/dev/dxg")
_PROCESSOR = Path("/proc/cpuinfo")

# Names of Linux. AVX-512 and AMX on x86, the last one on ARM.
_NATIVE = {"bf16": {"avx512_bf16", "amx_bf16", "bf16"}, "fp16": {"avx512_fp16", "amx_fp16", "asimdhp"}}

# Pictures per call. On a CPU, 16 of them still fit into its cache between two layers: ViT-B/32 in int8 gives 107
# pictures per second in batches of 16 and 76 in batches of 32; bf16 gives 88 and 89.
_BATCH_CPU = 16
_BATCH_APPLE = 32
_BATCHES_CUDA = ((20, 256), (7, 128), (0, 32))  # from so many GiB on; the memory that there is, not what is free


def check_choices(device: object, precision: object, batch_size: object) -> None:
    """Check what was given to an encoder; asks no device.

    Parameters
    ----------
    device, precision, batch_size : object
        As the user gave them.

    Raises
    ------
    InvalidParameterError
        One of them has a value that it cannot have.

    Examples
    --------
    >>> check_choices("cpu", "half", 8)
    Traceback (most recent call last):
    concept_memes.errors.InvalidParameterError: precision='half': precision must be one of "auto", "fp32", ...
    """
    if not isinstance(device, str) or _DEVICE.fullmatch(device) is None:
        raise InvalidParameterError("device", device, 'one of "auto", "cpu", "cuda", "cuda:1", "mps", "xpu"')
    if not isinstance(precision, str) or precision not in PRECISIONS:
        raise InvalidParameterError("precision", precision, "one of " + ", ".join(f'"{p}"' for p in PRECISIONS))
    if isinstance(batch_size, str) and batch_size == "auto":
        return
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise InvalidParameterError("batch_size", batch_size, '"auto" or an integer of at least 1')


def device_kind(device: str) -> str:
    """Return a device's name without its number.

    Examples
    --------
    >>> device_kind("cuda:1")
    'cuda'
    """
    return device.partition(":")[0]


def resolve_device(device: str = "auto") -> str:
    """Choose where a model runs.

    Parameters
    ----------
    device : str, default="auto"
        ``"auto"`` takes CUDA (also AMD's), else Apple's MPS, else the CPU; any other name is honoured.

    Returns
    -------
    str
        A name that torch knows. On a Linux without a graphics card torch is not imported to find out.

    Raises
    ------
    InvalidParameterError
        There is no such name.
    EncoderError
        There is no such device in this machine.

    Examples
    --------
    >>> resolve_device("cpu")
    'cpu'
    """
    check_choices(device, "auto", "auto")
    if device_kind(device) == "cpu":
        return device
    if device == "auto" and sys.platform == "linux" and not any(map(os.path.exists, _GRAPHICS)):
        return "cpu"
    import torch

    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "xpu": hasattr(torch, "xpu") and torch.xpu.is_available(),
    }
    if device == "auto":
        return next((kind for kind in ("cuda", "mps") if there[kind]), "cpu")
    kind, _, number = device.partition(":")
    if not there[kind]:
        raise EncoderError(
            f'device={device!r}: this torch ({torch.__version__}) finds no such device. Use device="auto" or "cpu", '
            "or install a torch that is built for it and its driver."
        )
    if kind == "cuda" and number and int(number) >= torch.cuda.device_count():
        raise EncoderError(f"device={device!r}: there are {torch.cuda.device_count()} CUDA devices, counted from 0.")
    return device


def resolve_precision(precision: str = "auto", device: str = "cpu") -> str:
    """Choose in which numbers a model computes.

    Parameters
    ----------
    precision : {"auto", "fp32", "fp16", "bf16", "int8"}, default="auto"
        ``"auto"`` is fp16 on CUDA, bf16 on CPUs that multiply it in hardware, fp32 elsewhere.
    device : str, default="cpu"
        What `resolve_device` gave.

    Returns
    -------
    str
        ``"fp32"``, ``"fp16"``, ``"bf16"`` or ``"int8"``.

    Raises
    ------
    InvalidParameterError
        There is no such precision, or not on that device.

    Examples
    --------
    >>> resolve_precision("auto", "cuda:1"), resolve_precision("auto", "mps"), resolve_precision("int8", "cpu")
    ('fp16', 'fp32', 'int8')
    """
    check_choices("auto", precision, "auto")
    kind = device_kind(device)
    if precision == "int8" and kind != "cpu":
        raise InvalidParameterError("precision", precision, f'"auto", "fp32", "fp16" or "bf16" on the device {device}')
    if precision != "auto":
        return precision
    if kind == "cuda":
        return "fp16"
    return "bf16" if kind == "cpu" and _multiplies_natively("bf16") else "fp32"


def default_batch_size(device: str) -> int:
    """Choose how many pictures go through the model at a time.

    Parameters
    ----------
    device : str
        What `resolve_device` gave.

    Returns
    -------
    int
        The same on every run: it depends on the kind of the device and the size of its memory, never on what is free.

    Examples
    --------
    >>> default_batch_size("cpu")
    16
    """
    kind = device_kind(device)
    if kind != "cuda":
        return _BATCH_CPU if kind == "cpu" else _BATCH_APPLE
    import torch

    gibibytes = torch.cuda.get_device_properties(device).total_memory / 2**30
    return next(size for least, size in _BATCHES_CUDA if gibibytes >= least)


def warn_if_slow(precision: str, device: str) -> None:
    """Warn that a precision was asked for which this processor has no instructions for.

    Parameters
    ----------
    precision : str
        What `resolve_precision` gave.
    device : str
        What `resolve_device` gave.

    Warns
    -----
    ConceptMemesWarning
        The vectors will be right, and late.
    """
    if device_kind(device) == "cpu" and precision in _NATIVE and not _multiplies_natively(precision):
        warnings.warn(
            f'precision="{precision}" on a processor that does not multiply {precision} numbers in hardware takes many '
            'times longer than precision="fp32". Use "auto".',
            ConceptMemesWarning,
            stacklevel=4,
        )


def _multiplies_natively(precision: str) -> bool:
    """Tell whether the processor has instructions that multiply such numbers."""
    if sys.platform == "linux":
        return bool(_NATIVE[precision] & _processor_flags(_PROCESSOR))
    if sys.platform == "darwin" or precision == "fp16":
        return False  # torch's kernels for Apple's processors do not use theirs
    import torch

    # Windows. Private names of torch: where a version lacks them, "no" is the answer that is never wrong, only slow.
    known = [getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")]
    return any(bool(ask()) for ask in known if ask is not None)


@cache
def _processor_flags(file: Path) -> frozenset[str]:
    """Read what the first processor can do: "flags" on x86, "Features" on ARM."""
    try:
        lines = file.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return frozenset()
    first = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return frozenset(first.partition(":")[2].split())
