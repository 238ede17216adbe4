"""One room on this gateway: its members, its state, and the frames that they receive.

Kept up to date by `feed_follower.py`. Does no IO but writing frames. A frame is encoded once, and the same
bytes go to every transport; all frames of one turn of the event loop go out as one write for each connection.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from server.clock import now_ms
from server.core.draws.entries import Entry
from server.core.drops.claims import Audience, ClaimState
from server.core.drops.draw_cards import DrawPhase
from server.core.drops.drops import (
    SHOWN_AFTER_CLOSE_MS,
    CloseReason,
    DropState,
    RoomDrop,
    drawing_at,
    state_at,
)
from server.core.identity import Identity, Role
from server.core.ids import DropId, StudentId
from server.desk.claims.claim_record import HeldClaim
from server.desk.drops.drop_state import DeskCounts
from server.desk.feed.feed import RoomState
from server.desk.feed.feed_messages import FeedKind, Losses, Publication
from server.frames import wire, wire_state
from server.gateway.rooms.broadcast import Broadcast, OnSent, Published, Write, admits
from server.gateway.rooms.feed_frames import frame_of
from server.gateway.rooms.own_progress import OwnProgress, Watchers
from server.gateway.rooms.welcome_claims import claims_to_show, known
from server.gateway.rooms.winner_names import WinnerNames
from server.gateway.sockets.connection import Connection

MAX_SOCKETS_PER_STUDENT = 32  # tabs, devices, and sockets whose end was not noticed yet
NOTHING_ENTERED: Mapping[DropId, Entry] = {}
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
        self.screens: set[Connection] = set()
        # Students who came, or left, since the roster was written last.
        self.moved: set[str] = set()
        # Claims that were sent as `won` and not yet as `confirmed`. They are read again until they are. The
        # claim itself is kept, because the desk may lose it.
        self.unconfirmed: dict[tuple[DropId, StudentId], HeldClaim] = {}
        # Entries in draws that students of this gateway were told of. A desk that loses one gets it again.
        self.entries: dict[tuple[DropId, StudentId], Entry] = {}
        # The feed was not heard for a while: a confirmation of a win on another gateway may be missing.
        self.missed_feed = False
        self.seen: defaultdict[str, set[str]] = defaultdict(
            set
        )  # drop -> students, to be reported to the feed
        self.progress = OwnProgress()
        self.watchers = Watchers()
        self.winner_names = WinnerNames()
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
        return not (self.students or self.instructors or self.screens)

    def register(self, connection: Connection, identity: Identity) -> Connection | None:
        """Add a connection before the state is read: from now on, frames for its student are kept for it.

        Return the student's oldest socket where there are too many; the caller ends it."""
        if identity.role is not Role.STUDENT:
            is_screen = identity.role is Role.SCREEN
            (self.screens if is_screen else self.instructors).add(connection)
            return None
        self.watchers.came(identity.subject, now_ms())
        self.moved.add(identity.subject)
        own = self.students.setdefault(identity.subject, [])
        own.append(connection)
        return own.pop(0) if len(own) > MAX_SOCKETS_PER_STUDENT else None

    def remove(self, connection: Connection, identity: Identity) -> None:
        self.connections.pop(connection, None)
        self.instructors.discard(connection)
        self.screens.discard(connection)
        own = self.students.get(identity.subject)
        if own is not None and connection in own:
            own.remove(connection)
            if not own:
                del self.students[identity.subject]
                self.watchers.went(identity.subject, connection, now_ms())
                self.moved.add(identity.subject)

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
        if self.epoch != state.epoch:
            self.moved.update(self.students)  # Redis may have lost some of them
        self.epoch, self.offset, self.losses = state.epoch, state.offset, state.losses
        self.drops = {drop.id: drop for drop in state.drops}
        self.counts.update(counts)
        self._shown_now = None
        self._forget_entries()

    def _forget_entries(self) -> None:
        """Forget the entries of draws that are sealed: the ledger has them."""
        if self.entries:
            is_open = {one.id for one in self.drops.values() if _takes_entries(one)}
            self.entries = {key: one for key, one in self.entries.items() if key[0] in is_open}

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
        if drop.draw is not None:
            self._forget_entries()
        frame = frame_of(publication, lambda: self._public_drop(drop, now), now)
        self._broadcast.put(frame, drop.audience, self._published(publication))

    def _published(self, publication: Publication) -> Published | None:
        if publication.at is None:
            return None
        is_card = publication.kind is FeedKind.OPENED
        return Published(publication.at, self.name, publication.drop.id, is_card)

    def state_of(self, drop: RoomDrop, now: int) -> DropState:
        if drop.closed_at is not None:
            is_aborted = drop.close_reason is CloseReason.ABORTED
            return DropState.ABORTED if is_aborted else DropState.CLOSED
        if drop.draw is not None:
            return drawing_at(now, drop)
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
        self,
        identity: Identity,
        held: Mapping[DropId, HeldClaim | None],
        now: int,
        entered: Mapping[DropId, Entry] = NOTHING_ENTERED,
    ) -> Welcome:
        """Make the welcome of one person. `held`: drop id -> what this student has of it, by the desk;
        `entered`: their entries in draws.

        A win that the desk does not know, but that this student was told of, is included: the desk may be
        being rebuilt."""
        mine, student = known(held) if held else {}, StudentId(identity.subject)
        if self.unconfirmed:
            mine = {**self._unconfirmed_of(student), **mine}
        for drop_id, claim in mine.items():
            if claim.state is ClaimState.WON:
                self.unconfirmed[drop_id, student] = claim
        head = self._head(identity, now)
        claims = claims_to_show(mine, head.left_out) if mine else []
        claims += [
            wire.my_entry(drop_id, entry)
            for drop_id, entry in entered.items()
            if drop_id not in mine and drop_id not in head.left_out
        ]
        tasks = self._tasks_of(identity, now) if self._has_tasks else ()
        return Welcome(head.text, wire.welcome_tail(student, claims, tasks))

    @property
    def _has_tasks(self) -> bool:
        return any(drop.task is not None for drop in self.drops.values())

    def _tasks_of(self, identity: Identity, now: int) -> list[dict[str, object]]:
        if not identity.may_claim_in(self.name):
            return []
        mine = [drop for drop in self.visible_drops(now) if is_for(drop, identity)]
        return self.progress.for_welcome(mine, identity.subject)

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
        _write_to(self.instructors, frame)

    def send_to_screens(self, frame: bytes) -> None:
        _write_to(self.screens, frame)


def _write_to(connections: Iterable[Connection], frame: bytes) -> None:
    for connection in list(connections):
        if connection.pending_frames is None:
            connection.write(frame)


def _takes_entries(drop: RoomDrop) -> bool:
    return drop.draw is not None and drop.draw.phase is DrawPhase.OPEN and drop.closed_at is None


def visible_drops(drops: Iterable[RoomDrop], now: int) -> list[RoomDrop]:
    """Return the drops that are open, scheduled, or closed not long ago."""
    oldest = now - SHOWN_AFTER_CLOSE_MS
    return [drop for drop in drops if drop.closed_at is None or drop.closed_at > oldest]


def is_for(drop: RoomDrop, identity: Identity) -> bool:
    return admits(drop.audience, identity)
