from __future__ import annotations

import threading

import pytest

from concept_memes.errors import UnreadableImageError
from concept_memes.lookahead import AHEAD_PER_THREAD, WorkerThreads, attempt


def test_results_come_in_order_whoever_is_quicker() -> None:
    gate = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            gate.wait(10)
        else:
            gate.set()
        return number * number

    with WorkerThreads(2) as workers:
        assert list(workers.ahead(work, range(30))) == [n * n for n in range(30)]


def test_items_are_taken_only_so_far_ahead() -> None:
    taken = []

    def items() -> object:
        for number in range(100):
            taken.append(number)
            yield number

    with WorkerThreads(2) as workers:
        results = workers.ahead(abs, items())
        next(results)
        assert len(taken) == 2 * AHEAD_PER_THREAD


def test_an_unreadable_picture_is_a_result_and_other_errors_are_not() -> None:
    def unreadable() -> None:
        raise UnreadableImageError("a.png", "empty file")

    assert attempt(unreadable).reason == "empty file"
    with pytest.raises(ZeroDivisionError):
        attempt(lambda: 1 // 0)
