"""What a room is told beside its feed: progress and presence; and what the feed is told of the room.

Called in turn by `background_tasks.py`. Bounded by what is live: an idle room costs one entry in a dict.
"""

from server import wire
from server.clock import now_ms
from server.core.drops.drops import DropState, RoomDrop
from server.desk.drop_desk import DropDesk
from server.desk.feed import Feed
from server.gateway.frames import text_frame
from server.gateway.room import Room
from server.gateway.rooms import Rooms

FRESH_MS = 1_000
# A frame to everybody costs as much as ten thousand coupons: while that many winners wait for theirs, it
# waits, but not beyond this after a card came up.
MANY_OWED = 500
PUT_OFF_MS = 3_000


class RoomNews:
    """Every call may end in DeskUnavailableError: what was not said then is said the next time."""

    def __init__(self, rooms: Rooms, drop_desk: DropDesk, feed: Feed, gateway_id: str) -> None:
        self._rooms = rooms
        self._drop_desk = drop_desk
        self._feed = feed
        self._gateway_id = gateway_id
        self._sent: dict[tuple[str, str], tuple[object, ...]] = {}  # (room, drop) -> last progress
        self._sent_present: dict[str, int] = {}

    # --- progress -----------------------------------------------------------------------------

    async def tell_progress(self) -> None:
        """Counters of live drops: at most once a second, only what has changed, the latest only."""
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
        boards = await self._boards([(room, drop) for room, drop in live if room.instructors])
        for room, drop in live:
            self._tell_students(room, drop, now)
            self._tell_instructors(room, drop, boards.get(drop.id), now)

    async def _boards(self, wanted: list[tuple[Room, RoomDrop]]) -> dict[str, dict[str, int]]:
        if not wanted:
            return {}
        boards = await self._feed.read_live_counts([(room.name, drop.id) for room, drop in wanted])
        return {drop.id: board for (_, drop), board in zip(wanted, boards, strict=True)}

    def _tell_students(self, room: Room, drop: RoomDrop, now: int) -> None:
        """Not in its first second: the card has just said it, and the taps it brings go first; nor before
        the coupons of the many who have just won."""
        remaining, state = room.remaining(drop), room.state_of(drop, now)
        age_ms = now - drop.window.opens_at
        if 0 <= age_ms < (PUT_OFF_MS if len(room.unconfirmed) > MANY_OWED else FRESH_MS):
            return
        if not self._is_news((room.name, drop.id), (remaining, state)):
            return
        more = {"present": room.present}
        frame = text_frame(wire.drop_progress(drop.id, remaining, state, more))
        room.broadcast(frame, drop.audience)

    def _tell_instructors(
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
            room.tell_instructors(
                text_frame(wire.drop_progress(drop.id, counts.remaining, state, counters))
            )

    def _is_news(self, key: tuple[str, str], figures: tuple[object, ...]) -> bool:
        if self._sent.get(key) == figures:
            return False
        self._sent[key] = figures
        return True

    def _forget_sent(self, live: set[tuple[str, str]]) -> None:
        for key in [k for k in self._sent if (k[0].removesuffix("!"), k[1]) not in live]:
            del self._sent[key]

    # --- presence and reach -------------------------------------------------------------------

    async def report_presence(self) -> None:
        for room in self._rooms.all():
            students = len(room.students)
            room.present = await self._feed.report_presence(room.name, self._gateway_id, students)
            if self._sent_present.get(room.name) != room.present:
                self._sent_present[room.name] = room.present
                room.tell_instructors(text_frame(wire.presence(room.present)))

    async def tell_seen(self) -> None:
        for room in self._rooms.all():
            for drop_id, students in list(room.seen.items()):
                told = list(students)
                if told:
                    await self._feed.add_seen(room.name, drop_id, told)
                    students.difference_update(told)
                if drop_id not in room.drops:
                    del room.seen[drop_id]
