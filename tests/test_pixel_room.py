from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concept_memes.loading.pixel_room import PixelRoom

PATIENCE = 30  # seconds until a wait counts as a deadlock; never reached by sound code


class Waiter:
    """A thread that takes room, says so, and holds it until told otherwise."""

    def __init__(self, room: PixelRoom, n_pixels: int) -> None:
        self.inside, self.may_leave = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run, args=(room, n_pixels), daemon=True)
        self.thread.start()

    def _run(self, room: PixelRoom, n_pixels: int) -> None:
        with room.hold() as held:
            held.take(n_pixels)
            self.inside.set()
            self.may_leave.wait(PATIENCE)

    def leave(self) -> None:
        self.may_leave.set()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(PATIENCE * 1000):
        if condition():
            return
        threading.Event().wait(0.001)
    raise AssertionError("the condition never came true")


class TestTaking:
    def test_share_is_given_back_at_the_end_also_after_an_error(self) -> None:
        room = PixelRoom(100)

        def fail() -> None:
            with room.hold() as held:
                held.take(60)
                assert room.n_taken == 60
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert room.n_taken == 0

    def test_holding_takes_nothing_by_itself(self) -> None:
        room = PixelRoom(100)
        with room.hold(), room.hold():
            assert room.n_taken == 0

    def test_a_share_grows_for_larger_frames_and_stays_for_smaller_ones(self) -> None:
        room = PixelRoom(100)
        with room.hold() as held:
            for n_pixels, expected in ((30, 30), (20, 30), (30, 30), (70, 70), (500, 500), (1, 500)):
                held.take(n_pixels)
                assert room.n_taken == expected
        assert room.n_taken == 0

    def test_who_does_not_fit_waits_until_there_is_room(self) -> None:
        room = PixelRoom(100)
        first, second = Waiter(room, 60), None
        assert first.inside.wait(PATIENCE)
        second = Waiter(room, 41)
        wait_until(lambda: len(room._waiting) == 1)
        assert not second.inside.is_set()
        first.leave()
        assert second.inside.wait(PATIENCE)
        second.leave()

    def test_a_picture_larger_than_the_room_is_let_in_alone(self) -> None:
        room = PixelRoom(100)
        small = Waiter(room, 1)
        assert small.inside.wait(PATIENCE)
        giant = Waiter(room, 1000)
        wait_until(lambda: len(room._waiting) == 1)
        assert not giant.inside.is_set()
        small.leave()
        assert giant.inside.wait(PATIENCE)
        next_small = Waiter(room, 1)
        wait_until(lambda: len(room._waiting) == 1)
        assert not next_small.inside.is_set()
        giant.leave()
        assert next_small.inside.wait(PATIENCE)
        next_small.leave()

    def test_small_ones_that_come_later_do_not_overtake_a_large_one(self) -> None:
        room = PixelRoom(100)
        first = Waiter(room, 50)
        assert first.inside.wait(PATIENCE)
        large = Waiter(room, 90)
        wait_until(lambda: len(room._waiting) == 1)
        small = Waiter(room, 10)  # it would fit beside the first
        wait_until(lambda: len(room._waiting) == 2)
        assert not small.inside.is_set()
        first.leave()
        assert large.inside.wait(PATIENCE)
        assert small.inside.wait(PATIENCE)
        large.leave()
        small.leave()

    def test_an_interrupted_wait_leaves_the_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        room = PixelRoom(100)
        holder = Waiter(room, 100)
        assert holder.inside.wait(PATIENCE)

        def interrupt(*args: object) -> bool:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(room._changed, "wait_for", interrupt)
            with pytest.raises(KeyboardInterrupt), room.hold() as held:
                held.take(1)
        holder.leave()
        with room.hold() as held:
            held.take(100)  # would wait for ever behind the one that was interrupted
        assert room.n_taken == 0


class TestManyThreads:
    @settings(max_examples=20)
    @given(
        limit=st.integers(1, 300),
        sizes=st.lists(st.lists(st.integers(1, 400), min_size=1, max_size=3), min_size=8, max_size=60),
    )
    def test_eight_threads_never_exceed_the_limit_and_all_finish(self, limit: int, sizes: list[list[int]]) -> None:
        room = PixelRoom(limit)
        start = threading.Barrier(8)
        lock = threading.Lock()
        inside: dict[int, int] = {}
        too_much: list[dict[int, int]] = []

        def work(job: int, frames: list[int]) -> None:
            if job < 8:
                start.wait(PATIENCE)
            with room.hold() as held:
                for n_pixels in frames:
                    with lock:  # what is decoded of the frame before is dropped
                        inside.pop(job, None)
                    held.take(n_pixels)
                    with lock:
                        inside[job] = n_pixels
                        if sum(inside.values()) > limit and len(inside) > 1:
                            too_much.append(dict(inside))
                with lock:
                    del inside[job]

        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(work, job, frames) for job, frames in enumerate(sizes)]:
                done.result(PATIENCE)
        assert not too_much
        assert room.n_taken == 0
        assert not room._waiting

    def test_a_giant_among_thousands_of_small_ones_gets_its_turn(self) -> None:
        room = PixelRoom(100)
        giant_was_in = threading.Event()
        numbers = random.Random(3)
        sizes = [numbers.randint(1, 60) for _ in range(500)]

        def small_ones() -> None:
            while not giant_was_in.is_set():  # without a line they would keep it out
                for n_pixels in sizes:
                    with room.hold() as held:
                        held.take(n_pixels)

        def giant() -> None:
            with room.hold() as held:
                held.take(1000)
            giant_was_in.set()

        with ThreadPoolExecutor(8) as pool:
            small = [pool.submit(small_ones) for _ in range(7)]
            pool.submit(giant)
            came_in = giant_was_in.wait(PATIENCE)
            giant_was_in.set()
            for each in small:
                each.result(PATIENCE)
        assert came_in
