"""Progress of the students of a room with the tasks of its drops, as this gateway knows it; and who watches.

One of each for a room. Filled by `join_queue.py` before a welcome, by `answers.py` and by `watch_clock.py`.
"""

from collections.abc import Collection, Iterable
from typing import Final

from server.core.drops.drops import RoomDrop
from server.core.drops.tasks import Progress, progress_of
from server.desk.drops.task_desk import Watched
from server.frames import task_frames
from server.gateway.sockets.connection import Connection

HEARD_MS: Final = 30_000  # a client answers a ping each 25 s; 5 s for the network
_MAX_LEFT: Final = 20_000  # of those who have left and are not written yet


class OwnProgress:
    """Progress by drop and student."""

    def __init__(self) -> None:
        self._by_drop: dict[str, dict[str, Progress]] = {}

    def of(self, drop: RoomDrop, student: str) -> Progress:
        """Return the student's progress; nothing done where none is known."""
        assert drop.task is not None
        known = self._by_drop.get(drop.id, {}).get(student)
        return progress_of(drop.task, 0, passed=False) if known is None else known

    def has_passed(self, drop_id: str, student: str) -> bool:
        known = self._by_drop.get(drop_id, {}).get(student)
        return known is not None and known.passed

    def set(self, drop_id: str, student: str, progress: Progress) -> bool:
        """Keep the progress; return whether the student is to be told: another unit is done, or a try."""
        of_drop = self._by_drop.setdefault(drop_id, {})
        before, of_drop[student] = of_drop.get(student), progress
        if before is None:
            return progress.done > 0 or progress.passed
        return (before.done, before.passed, before.tries_left) != (
            progress.done,
            progress.passed,
            progress.tries_left,
        )

    def for_welcome(self, drops: Iterable[RoomDrop], student: str) -> list[dict[str, object]]:
        """Return `tasks` of a welcome: the student's progress with each of the drops that has a task."""
        return [
            task_frames.progress_fields(drop.id, self.of(drop, student))
            for drop in drops
            if drop.task is not None
        ]

    def keep_only(self, drop_ids: Collection[str]) -> None:
        """Forget drops that the room does not show any more."""
        for drop_id in [known for known in self._by_drop if known not in drop_ids]:
            del self._by_drop[drop_id]


class Watchers:
    """The students who are in the room, and until when the time of each was written (ms)."""

    def __init__(self) -> None:
        self.written_until: dict[str, int] = {}
        self._left: list[Watched] = []

    def came(self, student: str, now: int) -> None:
        """Start the clock of a student, if it does not run: one clock, however many sockets."""
        self.written_until.setdefault(student, now)

    def went(self, student: str, connection: Connection, now: int) -> None:
        """Stop the clock of a student whose last socket here is gone."""
        start = self.written_until.pop(student, now)
        end = min(now, heard_until(connection))
        if end > start and len(self._left) < _MAX_LEFT:
            self._left.append(Watched(student, start, end))

    def take_left(self) -> list[Watched]:
        """Return the times of those who have left since the last call."""
        left, self._left = self._left, []
        return left

    def put_back(self, left: list[Watched]) -> None:
        """Keep times that could not be written."""
        self._left = [*left, *self._left][:_MAX_LEFT]


def heard_until(connection: Connection) -> int:
    """Return until when (ms) the student counts as being there, by what was heard on this socket."""
    session = connection.session
    return 0 if session is None else session.last_message_at + HEARD_MS
