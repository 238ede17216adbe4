"""Writes how long students were in a room whose drop has the task to watch.

Run by the clock (factory.py): every 15 s for those who are here, every second for those who have left, so
that a student who comes back by another process finds their time. The desk adds the times up, and counts what
several gateways tell of one student once (watch.lua); so a repetition does no harm. Does nothing for rooms
without such a drop.

10,000 students cost 0.75 % of a core (measured by tests/system/watch_cost.py).
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from server.clock import now_ms
from server.core.drops.drops import RoomDrop
from server.core.drops.tasks import WatchTask
from server.desk import DeskUnavailableError
from server.desk.drops.task_desk import AT_ONCE, TaskDesk, TaskOf, Watched
from server.frames import task_frames
from server.gateway.rooms.open_rooms import OpenRooms
from server.gateway.rooms.own_progress import heard_until
from server.gateway.rooms.room import Room
from server.gateway.sockets.frames import text_frame

# A write every 15 s. What is older was not written because Redis was away, or the clock was set.
_LONGEST_MS: Final = 120_000


class WatchClock:
    """The clock of all rooms of a gateway."""

    def __init__(self, rooms: OpenRooms, tasks: TaskDesk) -> None:
        self._rooms = rooms
        self._tasks = tasks

    async def write_present(self) -> None:
        """Write the time of all students who are in a room, and tell those who have come a minute further."""
        for room in self._rooms.all():
            now = now_ms()
            room.progress.keep_only([drop.id for drop in room.visible_drops(now)])
            drops = _watched_drops(room, now)
            if drops:
                spans = _spans(room, now)
                await self._write(room, drops, spans)
                _move_clocks(room, spans)

    async def write_left(self) -> None:
        """Write the time of students who have left since the last call."""
        for room in self._rooms.all():
            left = room.watchers.take_left()
            drops = _watched_drops(room, now_ms()) if left else []
            if not drops:
                continue
            try:
                await self._write(room, drops, left)
            except DeskUnavailableError:
                room.watchers.put_back(left)
                raise

    async def _write(self, room: Room, drops: Sequence[RoomDrop], spans: Sequence[Watched]) -> None:
        for drop in drops:
            assert drop.task is not None
            of = TaskOf(drop.shard, drop.id, drop.task)
            open_ones = [s for s in spans if not room.progress.has_passed(drop.id, s.student)]
            for start in range(0, len(open_ones), AT_ONCE):
                found = await self._tasks.add_watched(of, open_ones[start : start + AT_ONCE])
                for student, progress in found.items():
                    if room.progress.set(drop.id, student, progress):
                        frame = text_frame(task_frames.task_progress(drop.id, progress))
                        room.send_to_student(student, frame)
                await asyncio.sleep(0)  # taps go first


def _watched_drops(room: Room, now: int) -> list[RoomDrop]:
    """Return the drops whose time runs, or has ended a moment ago."""
    return [
        drop
        for drop in room.drops.values()
        if isinstance(drop.task, WatchTask)
        and drop.closed_at is None
        and drop.window.opens_at <= now
    ]


def _spans(room: Room, now: int) -> list[Watched]:
    clocks = room.watchers.written_until
    oldest = now - _LONGEST_MS
    spans = []
    for student, connections in room.students.items():
        start = clocks.get(student, now)
        heard = max(map(heard_until, connections))
        end = heard if heard < now else now
        if end > start:
            spans.append(Watched(student, start if start > oldest else oldest, end))
    return spans


def _move_clocks(room: Room, spans: Sequence[Watched]) -> None:
    """Let the clocks go on from what was written. Who has left meanwhile told the rest by `went`."""
    clocks = room.watchers.written_until
    for student, _, end in spans:
        if student in clocks:
            clocks[student] = max(clocks[student], end)
