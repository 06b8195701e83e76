"""How many pixels may lie decoded in memory at once, whatever the number of threads that decode."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Held", "PixelRoom"]


class PixelRoom:
    """Room for decoded pixels that several threads share.

    Who asks first is let in first, so nobody waits for ever. What is larger than the whole room is let in alone.

    Parameters
    ----------
    limit : int
        Pixels, at least 1. A decoded pixel takes three bytes; while it is turned or made smaller, up to three times
        as much.

    Examples
    --------
    >>> room = PixelRoom(limit=1000)
    >>> with room.hold() as held:
    ...     held.take(640)
    ...     room.n_taken
    640
    >>> room.n_taken
    0
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._n_taken = 0
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()

    @property
    def n_taken(self) -> int:
        """Pixels that are taken now."""
        return self._n_taken

    @contextmanager
    def hold(self) -> Iterator[Held]:
        """Hold a share of the room, empty at first, until the end of the block.

        A thread holds one share at a time: with two it could wait for itself.

        Yields
        ------
        Held
        """
        held = Held(self)
        try:
            yield held
        finally:
            held.let_go()

    def _take(self, n_pixels: int) -> None:
        """Wait in line for room."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                # Only who is first in line may enter; else small pictures would keep a large one out for ever.
                self._changed.wait_for(lambda: self._waiting[0] is ticket and self._has_room(n_pixels))
                self._n_taken += n_pixels
            finally:  # also when the wait is interrupted
                self._waiting.remove(ticket)
                self._changed.notify_all()

    def _has_room(self, n_pixels: int) -> bool:
        return not self._n_taken or self._n_taken + n_pixels <= self.limit

    def _give_back(self, n_pixels: int) -> None:
        with self._changed:
            self._n_taken -= n_pixels
            self._changed.notify_all()


class Held:
    """One thread's share of a :class:`PixelRoom`; made by `PixelRoom.hold`."""

    def __init__(self, room: PixelRoom) -> None:
        self._room = room
        self._n_pixels = 0

    def take(self, n_pixels: int) -> None:
        """Make the share at least this large; wait until there is room.

        The frames of one file follow each other in the same share: it grows for a larger one and stays for a smaller
        one. To grow, the old share is given back before waiting for the larger one; two threads that both kept theirs
        could wait for each other for ever. So while one waits, what it had decoded before is not counted.

        Parameters
        ----------
        n_pixels : int
            Of one picture, the largest that will be decoded within this share.
        """
        if n_pixels > self._n_pixels:
            self.let_go()
            self._room._take(n_pixels)
            self._n_pixels = n_pixels

    def let_go(self) -> None:
        """Give the share back; it may grow again."""
        n_pixels, self._n_pixels = self._n_pixels, 0
        if n_pixels:
            self._room._give_back(n_pixels)
