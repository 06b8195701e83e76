"""Where a model runs and how: what "auto" comes to on which machine, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from concept_memes.encoders import devices
from concept_memes.encoders.devices import (
    check_choices,
    default_batch_size,
    resolve_device,
    resolve_precision,
    warn_if_slow,
)
from concept_memes.errors import ConceptMemesWarning, EncoderError, InvalidParameterError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make this machine a Linux with a processor of given abilities."""

    def become(line: str) -> None:
        file = tmp_path / f"cpuinfo-{abs(hash(line))}"
        file.write_text(f"processor : 0\nmodel name : bf16 avx512_bf16\n{line}\n")
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setattr(devices, "_PROCESSOR", file)

    return become


@pytest.fixture
def no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flags : fpu avx2 avx512f avx512_bf16", "bf16"),
        ("flags : fpu avx2 amx_bf16 amx_tile", "bf16"),
        ("Features : fp asimd bf16", "bf16"),
        ("flags : fpu avx2 avx512f avx512_vnni", "fp32"),
        ("Features : fp asimd asimdhp", "fp32"),
        ("", "fp32"),
    ],
)
def test_a_processor_that_multiplies_bf16_gets_it(processor: Any, line: str, expected: str) -> None:
    processor(line)
    assert resolve_precision("auto", "cpu") == expected


def test_a_processor_that_tells_nothing_gets_fp32(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(devices, "_PROCESSOR", tmp_path / "missing")
    assert resolve_precision("auto", "cpu") == "fp32"


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16", "int8"])
def test_an_explicit_precision_is_honoured(processor: Any, precision: str) -> None:
    processor("flags : avx512_bf16")
    assert resolve_precision(precision, "cpu") == precision


def test_other_devices_have_a_precision_of_their_own() -> None:
    assert resolve_precision("auto", "cuda:0") == "fp16"
    assert resolve_precision("auto", "mps") == "fp32"
    with pytest.raises(InvalidParameterError, match="on the device cuda"):
        resolve_precision("int8", "cuda")


def test_a_precision_without_instructions_is_honoured_with_a_warning(processor: Any) -> None:
    processor("flags : avx2")
    for precision in ("fp16", "bf16"):
        with pytest.warns(ConceptMemesWarning, match=f'precision="{precision}" on a processor that does not multiply'):
            warn_if_slow(precision, "cpu")
    for precision, device in (("fp32", "cpu"), ("int8", "cpu"), ("fp16", "cuda")):
        warn_if_slow(precision, device)  # warnings are errors in this suite


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        (("gpu", "auto", "auto"), "device"),
        (("cuda:", "auto", "auto"), "device"),
        ((0, "auto", "auto"), "device"),
        (("auto", "half", "auto"), "precision"),
        (("auto", None, "auto"), "precision"),
        (("auto", "auto", 0), "batch_size"),
        (("auto", "auto", True), "batch_size"),
        (("auto", "auto", "many"), "batch_size"),
    ],
)
def test_values_that_cannot_be_are_refused(parameters: tuple[Any, Any, Any], name: str) -> None:
    with pytest.raises(InvalidParameterError, match=f"^{name}="):
        check_choices(*parameters)


@pytest.mark.usefixtures("no_card")
@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps"])
def test_a_device_that_is_not_there_is_an_error_that_says_what_to_do(device: str) -> None:
    with pytest.raises(EncoderError, match='finds no such device. Use device="auto"'):
        resolve_device(device)


def test_a_card_that_is_not_there_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("cuda:1") == "cuda:1"
    with pytest.raises(EncoderError, match="there are 2 CUDA devices"):
        resolve_device("cuda:2")


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, True, "cuda"), (False, True, "mps"), (False,) * 2 + ("cpu",)]
)
def test_auto_takes_the_best_device(monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, expected: str) -> None:
    monkeypatch.setattr(devices, "_GRAPHICS", ("/",))  # a card may be there, so torch is asked
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert resolve_device("auto") == expected


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere torch is asked")
def test_a_linux_without_a_card_is_known_without_torch() -> None:
    code = (
        "import sys; from concept_memes.encoders import devices; devices._GRAPHICS = (); "
        "found = devices.resolve_device(); devices.resolve_precision('auto', found); "
        "devices.default_batch_size(found); sys.exit(found != 'cpu' or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(("gibibytes", "expected"), [(4, 32), (8, 128), (24, 256), (140, 256)])
def test_a_card_with_more_memory_gets_more_pictures(
    monkeypatch: pytest.MonkeyPatch, gibibytes: int, expected: int
) -> None:
    card = SimpleNamespace(total_memory=gibibytes * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: card)
    assert default_batch_size("cuda") == expected
