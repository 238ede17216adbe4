"""Masked names of winners, for the rooms of drops with `show_winners`.

A room's names are kept in its `WinnerNames`, where `feed_follower.py` notes them. `WinnerTicker` is a
background job (factory.py): once a second it tells the other gateways of the wins of its own students, and
sends each room what came from all of them: one frame for a drop however many won. Who comes later gets the
last names behind the welcome. Only masked names leave the process.
"""

from collections.abc import Sequence

from server.core.drops.winner_names import mask
from server.core.identity import Identity
from server.desk.feed.feed import Feed
from server.desk.feed.feed_messages import Confirmation
from server.frames import wire
from server.gateway.rooms.open_rooms import OpenRooms
from server.gateway.rooms.room import Room, is_for
from server.gateway.sockets.frames import text_frame

# While so many winners wait for their coupons, names wait too.
MANY_UNCONFIRMED = 500


def note_winners(room: Room, confirmed: Sequence[Confirmation]) -> None:
    """Note those who are here and whose drop shows its winners."""
    shown = {drop.id for drop in room.drops.values() if drop.show_winners}
    for student, drop_id, _ in confirmed if shown else ():
        here = room.students.get(student)
        session = here[-1].session if here else None
        if session is not None and session.identity is not None and drop_id in shown:
            name = mask(session.identity.name or student)
            room.winner_names.note(drop_id, student, name)


def told_to(room: Room, identity: Identity, now: int) -> bytes:
    """Return the frames with the names that the room was told before this person came; empty where none."""
    told = room.winner_names.told
    if not told:
        return b""
    shown = [drop for drop in room.visible_drops(now) if drop.id in told and is_for(drop, identity)]
    return b"".join(text_frame(wire.winners(drop.id, told[drop.id])) for drop in shown)


class WinnerTicker:
    def __init__(self, rooms: OpenRooms, feed: Feed) -> None:
        self._rooms = rooms
        self._feed = feed

    async def send(self) -> None:
        """Send what was heard, then tell what was noted. DeskUnavailableError: those names are not shown."""
        for room in self._rooms.all():
            if room.winner_names.is_empty or len(room.unconfirmed) > MANY_UNCONFIRMED:
                continue
            _send_heard(room)
            for drop_id, named in room.winner_names.take_noted(room.drops).items():
                await self._feed.tell_winners(room.name, drop_id, named)


def _send_heard(room: Room) -> None:
    for drop_id, named in room.winner_names.take_heard(room.drops).items():
        frame = text_frame(wire.winners(drop_id, named))
        room.broadcast(frame, room.drops[drop_id].audience)
