"""Reports which students are in which room: who came and who left since the last report.

Called by a background job (factory.py) four times a second. A join costs one entry in a set, and a report one
call for each room that somebody came to or left, of 500 students at most; the others follow with the next
one. A room where nobody moves is reported every two seconds, so that its roster does not expire.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Final

from server.clock import now_ms
from server.core.ids import StudentId
from server.core.offers.roster import Present
from server.desk import DeskUnavailableError
from server.desk.feed.rosters import MOVES_AT_ONCE, Rosters
from server.gateway.rooms.open_rooms import OpenRooms
from server.gateway.rooms.room import Room

_REFRESH_MS: Final = 2_000


class RosterWriter:
    """Writes the rosters of all rooms of this gateway."""

    def __init__(self, rooms: OpenRooms, rosters: Rosters, gateway_id: str) -> None:
        self._rooms = rooms
        self._rosters = rosters
        self._gateway_id = gateway_id
        self._written: dict[str, int] = {}  # room -> when it was written last (ms)

    async def write(self) -> None:
        """Write the rooms where somebody moved, and those that were not written for two seconds.

        May raise DeskUnavailableError; what was not written is written by the next call."""
        rooms = self._rooms.all()
        names = {room.name for room in rooms}
        for closed in [name for name in self._written if name not in names]:
            del self._written[closed]
        for room in rooms:
            due = self._written.get(room.name, 0) + _REFRESH_MS
            if room.moved or (room.students and due <= now_ms()):
                await self._write(room)

    async def _write(self, room: Room) -> None:
        moved = list(islice(room.moved, MOVES_AT_ONCE))
        # Before the call: who moves during it is written by the next one.
        room.moved.difference_update(moved)
        came = _present(room, moved)
        left = [student for student in moved if student not in came]
        was_written = room.name in self._written
        try:
            is_there = await self._rosters.write(
                room.name, self._gateway_id, came, left, was_written=was_written
            )
        except DeskUnavailableError:
            room.moved.update(moved)
            raise
        if is_there:
            self._written[room.name] = now_ms()
        else:
            del self._written[room.name]
            room.moved.update(room.students)


def _present(room: Room, moved: list[str]) -> Mapping[str, Present]:
    found = {}
    for student in moved:
        own = room.students.get(student)
        session = own[-1].session if own else None
        if session is not None and session.identity is not None:
            identity = session.identity
            tags = tuple(sorted(identity.tags))
            found[student] = Present(StudentId(student), identity.name or "", tags)
    return found
