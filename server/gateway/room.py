"""What one room shows on this gateway, and who is there to see it. No IO but writing frames.

Fed by `rooms.py` with what the feed and the desk say. A frame is encoded once and the same bytes go
to every transport; what is due in one pass of the loop goes out as one write for each connection.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from server import wire, wire_state
from server.core.drops.claims import Audience, ClaimState
from server.core.drops.drops import SHOWN_AFTER_CLOSE_MS, DropState, RoomDrop, state_at
from server.core.identity import Identity, Role
from server.core.ids import DropId, StudentId
from server.desk.claim_record import HeldClaim
from server.desk.drop_state import DeskCounts
from server.desk.feed import FeedKind, Losses, Publication, RoomState
from server.gateway.broadcast import Broadcast, OnSent, Write, admits
from server.gateway.connection import Connection
from server.gateway.frames import text_frame

MAX_SOCKETS_PER_STUDENT = (
    32  # of one student: tabs, devices, and those whose end was not noticed yet
)
_MAX_HEADS = 64  # kept within a second: of students who are shown different drops


@dataclass(frozen=True, slots=True)
class Welcome:
    """`head` is the same object for all who join the room in the same state; `tail` is the student's."""

    head: bytes
    tail: bytes

    @property
    def text(self) -> bytes:
        return self.head + self.tail


@dataclass(frozen=True, slots=True)
class _Head:
    """`left_out`: ids of the drops for which there was no space."""

    text: bytes
    left_out: frozenset[str]


class Room:
    """`on_sent`: as `broadcast.py` has it."""

    def __init__(self, name: str, on_sent: OnSent) -> None:
        self.name = name
        self.epoch = ""
        self.offset = -1  # nothing read yet
        self.losses = -1  # the offset of what was lost
        self.drops: dict[str, RoomDrop] = {}
        self.counts: dict[str, DeskCounts] = {}
        self.present = 0
        # Who has been welcomed, with the `write` of their transport. In the order they came: neighbours here
        # are neighbours in memory, ours and the kernel's, and a broadcast takes a tenth less than over a set.
        self.connections: dict[Connection, Write] = {}
        self.students: dict[str, list[Connection]] = {}
        self.instructors: set[Connection] = set()
        # (drop, student) told `won` and not yet `confirmed`: read again until they are. With what
        # they were told of, because the desk may forget it.
        self.unconfirmed: dict[tuple[DropId, StudentId], HeldClaim] = {}
        # Nobody listened for a while: a confirmation of what a student won elsewhere may be missing.
        self.missed_feed = False
        self.seen: defaultdict[str, set[str]] = defaultdict(set)  # to be told to the feed
        self._broadcast = Broadcast(self.connections, on_sent)
        # What is shown in this second, whether all of it is for everybody, and what was made of it: by the
        # ids of the drops.
        self._second = 0
        self._shown_now: list[RoomDrop] | None = None
        self._is_for_everybody = False
        self._heads: dict[tuple[str, ...], _Head] = {}

    # --- who is here --------------------------------------------------------------------------

    @property
    def is_sending(self) -> bool:
        """Something is on its way out to everybody."""
        return self._broadcast.is_sending

    @property
    def is_empty(self) -> bool:
        return not self.students and not self.instructors

    def register(self, connection: Connection, identity: Identity) -> Connection | None:
        """Before the state is read: from now on what is the student's own is kept for them. Returns
        the oldest of a student's sockets where they are too many: it should go."""
        if identity.role is not Role.STUDENT:
            self.instructors.add(connection)
            return None
        own = self.students.setdefault(identity.subject, [])
        own.append(connection)
        return own.pop(0) if len(own) > MAX_SOCKETS_PER_STUDENT else None

    def remove(self, connection: Connection, identity: Identity) -> None:
        self.connections.pop(connection, None)
        self.instructors.discard(connection)
        own = self.students.get(identity.subject)
        if own is not None and connection in own:
            own.remove(connection)
            if not own:
                del self.students[identity.subject]

    def send_welcome(self, connection: Connection, welcome: Welcome) -> None:
        """In one step with making the welcome: no frame can slip in between."""
        self.add(connection)
        connection.send_welcome(welcome.head, welcome.tail)

    def add(self, connection: Connection) -> None:
        """From now on it hears what everybody is told."""
        self._broadcast.address_queued()
        if connection.transport is not None:
            self.connections[connection] = connection.transport.write

    def reset_members(self) -> list[Connection]:
        """Whom to welcome again. Until then they hear nothing, and never what was on its way to them."""
        self._broadcast.forget()
        members = list(self.connections)
        self.connections.clear()
        for connection in members:
            connection.pending_frames = []
        return members

    def send_to_student(self, student: str, frames: bytes) -> None:
        for connection in self.students.get(student, ()):
            connection.send_private(frames)

    # --- what it shows ------------------------------------------------------------------------

    def load(self, state: RoomState, counts: Mapping[str, DeskCounts]) -> None:
        self.epoch, self.offset, self.losses = state.epoch, state.offset, state.losses
        self.drops = {drop.id: drop for drop in state.drops}
        self.counts.update(counts)
        self._shown_now = None

    def is_at(self, state: RoomState) -> bool:
        return (self.epoch, self.offset, self.losses) == (state.epoch, state.offset, state.losses)

    def has_reached(self, state: RoomState) -> bool:
        """Or is beyond it."""
        is_same = self.epoch == state.epoch
        return is_same and self.offset >= state.offset and self.losses >= state.losses

    def follows(self, publication: Publication) -> bool:
        return publication.epoch == self.epoch and publication.offset == self.offset + 1

    def follows_losses(self, told: Losses) -> bool:
        return told.epoch == self.epoch and told.offset == self.losses + 1

    def is_old(self, publication: Publication) -> bool:
        return publication.epoch == self.epoch and publication.offset <= self.offset

    def apply(self, publication: Publication, now: int) -> None:
        """The next step of the feed: the state moves on and everybody is told."""
        drop = publication.drop
        self.offset = publication.offset
        self.drops[drop.id] = drop
        self._shown_now = None
        self._broadcast.put(self._frame_of(publication, now), drop.audience, publication.at)

    def _frame_of(self, publication: Publication, now: int) -> bytes:
        drop, epoch, offset = publication.drop, publication.epoch, publication.offset
        if publication.kind is FeedKind.CLOSED:
            reason = wire.public_reason(drop.close_reason)
            return text_frame(
                wire.drop_closed(drop.id, reason, drop.closed_at or now, epoch, offset)
            )
        kind = "drop_opened" if publication.kind is FeedKind.OPENED else "drop_changed"
        return text_frame(wire.drop_frame(kind, self._shown(drop, now), epoch, offset))

    def state_of(self, drop: RoomDrop, now: int) -> DropState:
        if drop.closed_at is not None:
            return DropState.CLOSED
        return state_at(now, drop.window.opens_at, drop.window.closes_at, self.remaining(drop))

    def remaining(self, drop: RoomDrop) -> int:
        """By the last count of what is taken; all of it for a drop that has just been opened."""
        counts = self.counts.get(drop.id)
        return drop.quantity - counts.claimed if counts is not None else drop.quantity

    def _shown(self, drop: RoomDrop, now: int) -> dict[str, object]:
        return wire.public_drop(drop, self.state_of(drop, now), self.remaining(drop))

    def live_drops(self, now: int) -> list[RoomDrop]:
        """Those whose counters may still move by taps."""
        return [d for d in self.drops.values() if d.closed_at is None and d.window.closes_at > now]

    def visible_drops(self, now: int) -> list[RoomDrop]:
        return visible_drops(self.drops.values(), now)

    def welcome_of(
        self, identity: Identity, held: Mapping[DropId, HeldClaim | None], now: int
    ) -> Welcome:
        """`held`: drop id -> what this student has of it. What they were told of they are told again
        where the desk knows nothing of it: it may be being loaded."""
        mine, student = _known(held) if held else {}, StudentId(identity.subject)
        if self.unconfirmed:
            mine = {**self._told_won(student), **mine}
        for drop_id, claim in mine.items():
            if claim.state is ClaimState.WON:
                self.unconfirmed[drop_id, student] = claim
        head = self._head(identity, now)
        claims = _shown_claims(mine, head.left_out) if mine else []
        return Welcome(head.text, wire.welcome_tail(student, claims))

    def _told_won(self, student: StudentId) -> dict[DropId, HeldClaim]:
        drop_ids = (drop.id for drop in self.drops.values())
        told = ((drop_id, self.unconfirmed.get((drop_id, student))) for drop_id in drop_ids)
        return {drop_id: claim for drop_id, claim in told if claim is not None}

    def _head(self, identity: Identity, now: int) -> _Head:
        """Shared by all who join within a second and are shown the same drops."""
        shown = self._shown_now
        if shown is None or self._second != now // 1000:
            shown = self._shown_now = self.visible_drops(now)
            self._is_for_everybody = all(drop.audience.is_everybody for drop in shown)
            self._second = now // 1000
            self._heads.clear()
        drops, ids = shown, tuple[str, ...]()
        if not self._is_for_everybody:
            drops = [drop for drop in shown if is_for(drop, identity)]
            ids = tuple(drop.id for drop in drops)
        head = self._heads.get(ids)
        if head is None:
            head = self._make_head(drops, now)
            if len(self._heads) < _MAX_HEADS:
                self._heads[ids] = head
        return head

    def _make_head(self, shown: Iterable[RoomDrop], now: int) -> _Head:
        drops = [self._shown(drop, now) for drop in shown]
        texts = wire_state.drops_within(drops)
        text = wire.welcome_head(
            room=self.name,
            now=now,
            epoch=self.epoch,
            offset=self.offset,
            present=max(self.present, len(self.students)),
            drops=[orjson.Fragment(one) for one in texts.values()],
        )
        return _Head(text, frozenset(str(drop["id"]) for drop in drops if drop["id"] not in texts))

    # --- telling everybody --------------------------------------------------------------------

    def broadcast(self, frame: bytes, audience: Audience) -> None:
        """To all who have been welcomed and whom it is for, in order, together with whatever else
        is due in this pass."""
        self._broadcast.put(frame, audience)

    def send_to_instructors(self, frame: bytes) -> None:
        for connection in list(self.instructors):
            if connection.pending_frames is None:
                connection.write(frame)


def visible_drops(drops: Iterable[RoomDrop], now: int) -> list[RoomDrop]:
    """Open, scheduled, and closed not long ago."""
    oldest = now - SHOWN_AFTER_CLOSE_MS
    return [drop for drop in drops if drop.closed_at is None or drop.closed_at > oldest]


def _known(held: Mapping[DropId, HeldClaim | None]) -> dict[DropId, HeldClaim]:
    return {drop_id: claim for drop_id, claim in held.items() if claim is not None}


def _shown_claims(
    mine: Mapping[DropId, HeldClaim], left_out: frozenset[str]
) -> list[dict[str, object]]:
    """What has been given back is nobody's to show: a welcome says no more than one who stayed knows."""
    held = {d: claim for d, claim in mine.items() if d not in left_out} if left_out else mine
    newest = sorted(held.items(), key=lambda one: one[1].won_at, reverse=True)
    coupons = [(d, claim.coupon) for d, claim in newest if claim.state is ClaimState.CONFIRMED]
    told = wire_state.coupons_within(coupons) if coupons else ()
    return [
        wire.my_claim(d, claim.state, claim.won_at, claim.coupon if d in told else b"")
        for d, claim in held.items()
    ]


def is_for(drop: RoomDrop, identity: Identity) -> bool:
    return admits(drop.audience, identity)
