from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from concept_memes.encoders.memory import memory_errors
from concept_memes.errors import EncoderMemoryError


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("could not create a memory object"),
    ],
)
def test_every_device_s_words_for_too_little_memory_are_one_error(error: Exception) -> None:
    expected = "A batch of 32 texts does not fit .* cpu"
    with pytest.raises(EncoderMemoryError, match=expected) as caught, memory_errors("cpu", 32, "texts"):
        raise error
    assert caught.value.__cause__ is error


def test_torch_s_own_refusal_is_understood() -> None:
    with pytest.raises(EncoderMemoryError), memory_errors("cpu", 1):
        torch.empty(2**56)


def test_other_errors_stay_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), memory_errors("cpu", 32):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


def test_what_the_device_holds_back_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    freed = []
    monkeypatch.setattr(torch, "cuda", SimpleNamespace(empty_cache=lambda: freed.append("cuda")))
    with pytest.raises(EncoderMemoryError, match="cuda:1"), memory_errors("cuda:1", 8):
        raise torch.OutOfMemoryError("CUDA out of memory")
    assert freed == ["cuda"]
