"""Progress and presence, which are sent to rooms beside their feed; and presence and reach, which are
reported to the feed.

Called by the background jobs (factory.py). The work is bounded by what is live: an idle room costs one entry
in a dict.
"""

from server.clock import now_ms
from server.core.drops.drops import DropState, RoomDrop
from server.desk.drops.drop_desk import DropDesk
from server.desk.feed.feed import Feed
from server.frames import wire
from server.gateway.rooms.open_rooms import OpenRooms
from server.gateway.rooms.room import Room
from server.gateway.sockets.frames import text_frame

NEW_DROP_MS = 1_000
# A frame to everybody costs as much as ten thousand confirmations. While so many winners wait for theirs,
# students' progress waits too, but not longer than this after the drop has opened.
MANY_UNCONFIRMED = 500
POSTPONED_MS = 3_000


class RoomStatus:
    """Every method may raise DeskUnavailableError; what was not sent
    then is sent by the next call."""

    def __init__(self, rooms: OpenRooms, drop_desk: DropDesk, feed: Feed, gateway_id: str) -> None:
        self._rooms = rooms
        self._drop_desk = drop_desk
        self._feed = feed
        self._gateway_id = gateway_id
        self._sent: dict[tuple[str, str], tuple[object, ...]] = {}  # (room, drop) -> last progress
        self._sent_present: dict[str, int] = {}

    # --- progress -----------------------------------------------------------------------------

    async def send_progress(self) -> None:
        """Send the counters of live drops, where they have changed since they were last sent."""
        now = now_ms()
        live = [
            (room, drop)
            for room in self._rooms.all()
            if not room.is_empty
            for drop in room.live_drops(now)
        ]
        self._forget_sent({(room.name, drop.id) for room, drop in live})
        if not live:
            return
        found = await self._drop_desk.counts_of_many([(drop.shard, drop.id) for _, drop in live])
        for (room, drop), counts in zip(live, found, strict=True):
            if counts is not None:
                room.counts[drop.id] = counts
        boards = await self._read_boards([(room, drop) for room, drop in live if room.instructors])
        for room, drop in live:
            self._send_to_students(room, drop, now)
            self._send_to_instructors(room, drop, boards.get(drop.id), now)

    async def _read_boards(self, wanted: list[tuple[Room, RoomDrop]]) -> dict[str, dict[str, int]]:
        if not wanted:
            return {}
        boards = await self._feed.read_live_counts([(room.name, drop.id) for room, drop in wanted])
        return {drop.id: board for (_, drop), board in zip(wanted, boards, strict=True)}

    def _send_to_students(self, room: Room, drop: RoomDrop, now: int) -> None:
        """Skip a drop in its first second: its card has just given the same numbers, and the taps that it
        brings go first. Skip it also while many winners wait for their confirmation."""
        remaining, state = room.remaining(drop), room.state_of(drop, now)
        age_ms = now - drop.window.opens_at
        if (
            0
            <= age_ms
            < (POSTPONED_MS if len(room.unconfirmed) > MANY_UNCONFIRMED else NEW_DROP_MS)
        ):
            return
        if not self._is_news((room.name, drop.id), (remaining, state)):
            return
        more = {"present": room.present}
        frame = text_frame(wire.drop_progress(drop.id, remaining, state, more))
        room.broadcast(frame, drop.audience)

    def _send_to_instructors(
        self, room: Room, drop: RoomDrop, board: dict[str, int] | None, now: int
    ) -> None:
        counts = room.counts.get(drop.id)
        if board is None or counts is None:
            return
        counters = {
            **board,
            "quantity": counts.quantity,
            "claimed": counts.claimed,
            "confirmed": counts.confirmed,
            "present": room.present,
        }
        state: DropState = room.state_of(drop, now)
        if self._is_news((f"{room.name}!", drop.id), tuple(sorted(counters.items()))):
            room.send_to_instructors(
                text_frame(wire.drop_progress(drop.id, counts.remaining, state, counters))
            )

    def _is_news(self, key: tuple[str, str], progress: tuple[object, ...]) -> bool:
        if self._sent.get(key) == progress:
            return False
        self._sent[key] = progress
        return True

    def _forget_sent(self, live: set[tuple[str, str]]) -> None:
        for key in [k for k in self._sent if (k[0].removesuffix("!"), k[1]) not in live]:
            del self._sent[key]

    # --- presence and reach -------------------------------------------------------------------

    async def send_presence(self) -> None:
        """Report how many students each room has here, and send instructors and screens the total."""
        for room in self._rooms.all():
            students = len(room.students)
            room.present = await self._feed.report_presence(room.name, self._gateway_id, students)
            if self._sent_present.get(room.name) != room.present:
                self._sent_present[room.name] = room.present
                frame = text_frame(wire.presence(room.present))
                room.send_to_instructors(frame)
                room.send_to_screens(frame)

    async def publish_seen(self) -> None:
        """Report which students have seen the card of which drop."""
        for room in self._rooms.all():
            for drop_id, students in list(room.seen.items()):
                batch = list(students)
                if batch:
                    await self._feed.add_seen(room.name, drop_id, batch)
                    students.difference_update(batch)
                if drop_id not in room.drops:
                    del room.seen[drop_id]
