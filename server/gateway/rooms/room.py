"""One room on this gateway: its members, its state, and the frames that they receive.

Kept up to date by `feed_follower.py`. Does no IO but writing frames. A frame is encoded once, and the same
bytes go to every transport; all frames of one turn of the event loop go out as one write for each connection.
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
from server.desk.feed import RoomState
from server.desk.feed_messages import FeedKind, Losses, Publication
from server.gateway.rooms.broadcast import Broadcast, OnSent, Write, admits
from server.gateway.sockets.connection import Connection
from server.gateway.sockets.frames import text_frame

MAX_SOCKETS_PER_STUDENT = 32  # tabs, devices, and sockets whose end was not noticed yet
_MAX_HEADS = 64  # kept for a second: one for each set of drops that some member is shown


@dataclass(frozen=True, slots=True)
class Welcome:
    """The text of a `welcome` in two parts. `head` is the same object for all who join the room in the same
    state; `tail` is the student's own."""

    head: bytes
    tail: bytes

    @property
    def text(self) -> bytes:
        return self.head + self.tail


@dataclass(frozen=True, slots=True)
class _Head:
    """`left_out`: ids of the drops for which the welcome had no space."""

    text: bytes
    left_out: frozenset[str]


class Room:
    """`on_sent`: see `Broadcast`."""

    def __init__(self, name: str, on_sent: OnSent) -> None:
        self.name = name
        self.epoch = ""
        self.offset = -1  # nothing read yet
        self.losses = -1  # the same in the stream of losses
        self.drops: dict[str, RoomDrop] = {}
        self.counts: dict[str, DeskCounts] = {}
        self.present = 0
        # The members that have been welcomed, with the `write` of their transport, in the order in which they
        # came. That is roughly their order in memory, ours and the kernel's: a broadcast over this dict takes
        # a tenth less than over a set.
        self.connections: dict[Connection, Write] = {}
        self.students: dict[str, list[Connection]] = {}
        self.instructors: set[Connection] = set()
        # Claims that were sent as `won` and not yet as `confirmed`. They are read again until they are. The
        # claim itself is kept, because the desk may lose it.
        self.unconfirmed: dict[tuple[DropId, StudentId], HeldClaim] = {}
        # The feed was not heard for a while: a confirmation of a win on another gateway may be missing.
        self.missed_feed = False
        self.seen: defaultdict[str, set[str]] = defaultdict(
            set
        )  # drop -> students, to be reported to the feed
        self._broadcast = Broadcast(self.connections, on_sent)
        # A cache for one second: the drops that are shown, whether all of them are for everybody, and the
        # heads that were made, by the ids of their drops.
        self._second = 0
        self._shown_now: list[RoomDrop] | None = None
        self._is_for_everybody = False
        self._heads: dict[tuple[str, ...], _Head] = {}

    # --- members --------------------------------------------------------------------------------

    @property
    def is_sending(self) -> bool:
        """True while a broadcast is being written."""
        return self._broadcast.is_sending

    @property
    def is_empty(self) -> bool:
        return not self.students and not self.instructors

    def register(self, connection: Connection, identity: Identity) -> Connection | None:
        """Add a connection before the state is read: from now on, frames for its student are kept for it.

        Return the student's oldest socket where there are too many; the caller ends it."""
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
        """Send the welcome. The caller makes it in the same step, without an await between: otherwise a frame
        in between would be missing from both."""
        self.add_member(connection)
        connection.send_welcome(welcome.head, welcome.tail)

    def add_member(self, connection: Connection) -> None:
        """Include the connection in broadcasts from now on."""
        self._broadcast.address_queued()
        if connection.transport is not None:
            self.connections[connection] = connection.transport.write

    def reset_members(self) -> list[Connection]:
        """Take all members off the broadcasts, unsent frames included, and return them. They receive nothing
        until they are welcomed again."""
        self._broadcast.forget()
        members = list(self.connections)
        self.connections.clear()
        for connection in members:
            connection.pending_frames = []
        return members

    def send_to_student(self, student: str, frames: bytes) -> None:
        for connection in self.students.get(student, ()):
            connection.send_private(frames)

    # --- state ----------------------------------------------------------------------------------

    def load(self, state: RoomState, counts: Mapping[str, DeskCounts]) -> None:
        self.epoch, self.offset, self.losses = state.epoch, state.offset, state.losses
        self.drops = {drop.id: drop for drop in state.drops}
        self.counts.update(counts)
        self._shown_now = None

    def is_at(self, state: RoomState) -> bool:
        return (self.epoch, self.offset, self.losses) == (state.epoch, state.offset, state.losses)

    def has_reached(self, state: RoomState) -> bool:
        """Return whether the room is at this state or beyond it."""
        is_same = self.epoch == state.epoch
        return is_same and self.offset >= state.offset and self.losses >= state.losses

    def follows(self, publication: Publication) -> bool:
        return publication.epoch == self.epoch and publication.offset == self.offset + 1

    def follows_losses(self, losses: Losses) -> bool:
        return losses.epoch == self.epoch and losses.offset == self.losses + 1

    def is_old(self, publication: Publication) -> bool:
        return publication.epoch == self.epoch and publication.offset <= self.offset

    def apply(self, publication: Publication, now: int) -> None:
        """Apply the next publication of the feed, and broadcast it."""
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
        return text_frame(wire.drop_frame(kind, self._public_drop(drop, now), epoch, offset))

    def state_of(self, drop: RoomDrop, now: int) -> DropState:
        if drop.closed_at is not None:
            return DropState.CLOSED
        return state_at(now, drop.window.opens_at, drop.window.closes_at, self.remaining(drop))

    def remaining(self, drop: RoomDrop) -> int:
        """Return how many units are left by the last count; all of them for a drop that was just opened."""
        counts = self.counts.get(drop.id)
        return drop.quantity - counts.claimed if counts is not None else drop.quantity

    def _public_drop(self, drop: RoomDrop, now: int) -> dict[str, object]:
        return wire.public_drop(drop, self.state_of(drop, now), self.remaining(drop))

    def live_drops(self, now: int) -> list[RoomDrop]:
        """Return the drops whose counters may still change by taps."""
        return [d for d in self.drops.values() if d.closed_at is None and d.window.closes_at > now]

    def visible_drops(self, now: int) -> list[RoomDrop]:
        return visible_drops(self.drops.values(), now)

    def welcome_of(
        self, identity: Identity, held: Mapping[DropId, HeldClaim | None], now: int
    ) -> Welcome:
        """Make the welcome of one person. `held`: drop id -> what this student has of it, by the desk.

        A win that the desk does not know, but that this student was told of, is included: the desk may be
        being rebuilt."""
        mine, student = _known(held) if held else {}, StudentId(identity.subject)
        if self.unconfirmed:
            mine = {**self._unconfirmed_of(student), **mine}
        for drop_id, claim in mine.items():
            if claim.state is ClaimState.WON:
                self.unconfirmed[drop_id, student] = claim
        head = self._head(identity, now)
        claims = _claims_to_show(mine, head.left_out) if mine else []
        return Welcome(head.text, wire.welcome_tail(student, claims))

    def _unconfirmed_of(self, student: StudentId) -> dict[DropId, HeldClaim]:
        drop_ids = (drop.id for drop in self.drops.values())
        found = ((drop_id, self.unconfirmed.get((drop_id, student))) for drop_id in drop_ids)
        return {drop_id: claim for drop_id, claim in found if claim is not None}

    def _head(self, identity: Identity, now: int) -> _Head:
        """Return the head that all share who join within a second and are shown the same drops."""
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
        drops = [self._public_drop(drop, now) for drop in shown]
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

    # --- broadcasts -----------------------------------------------------------------------------

    def broadcast(self, frame: bytes, audience: Audience) -> None:
        """Queue a frame for all members in the audience. Frames are sent in the order in which they were
        queued."""
        self._broadcast.put(frame, audience)

    def send_to_instructors(self, frame: bytes) -> None:
        for connection in list(self.instructors):
            if connection.pending_frames is None:
                connection.write(frame)


def visible_drops(drops: Iterable[RoomDrop], now: int) -> list[RoomDrop]:
    """Return the drops that are open, scheduled, or closed not long ago."""
    oldest = now - SHOWN_AFTER_CLOSE_MS
    return [drop for drop in drops if drop.closed_at is None or drop.closed_at > oldest]


def _known(held: Mapping[DropId, HeldClaim | None]) -> dict[DropId, HeldClaim]:
    return {drop_id: claim for drop_id, claim in held.items() if claim is not None}


def _claims_to_show(
    mine: Mapping[DropId, HeldClaim], left_out: frozenset[str]
) -> list[dict[str, object]]:
    """Return the claims for the welcome's tail, without those of drops that the head has left out. Where
    coupons do not all fit, the newest ones are included."""
    held = {d: claim for d, claim in mine.items() if d not in left_out} if left_out else mine
    newest = sorted(held.items(), key=lambda one: one[1].won_at, reverse=True)
    coupons = [(d, claim.coupon) for d, claim in newest if claim.state is ClaimState.CONFIRMED]
    fitting = wire_state.coupons_within(coupons) if coupons else ()
    return [
        wire.my_claim(d, claim.state, claim.won_at, claim.coupon if d in fitting else b"")
        for d, claim in held.items()
    ]


def is_for(drop: RoomDrop, identity: Identity) -> bool:
    return admits(drop.audience, identity)
