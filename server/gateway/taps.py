"""Claims that come by sockets: who may tap now, and the desk's answer to each tap.

Used by `gateway.py`; one for a gateway. Ten thousand taps come within a second, so there is no task, no
future and no closure for a tap: it waits in the desk's queue (desk/claims/claim_desk.py), which calls
`answered` on it.
"""

from collections import Counter

from server.clock import now_ms
from server.core.drops import why
from server.core.drops.claims import ClaimState, Outcome
from server.core.drops.drops import RoomDrop
from server.core.identity import Identity
from server.core.ids import StudentId
from server.core.rates import Bucket, Rate
from server.desk.claims.claim_answers import ClaimAnswer
from server.desk.claims.claim_desk import RETRY, Tap, entering, is_confirmed
from server.frames import task_frames, wire
from server.frames.client_frames import ClaimFrame
from server.gateway import claim_replies
from server.gateway.parts import GatewayParts
from server.gateway.rooms.feed.feed_follower import FeedFollower
from server.gateway.rooms.room import Room, is_for
from server.gateway.sockets.connection import Connection
from server.gateway.sockets.frames import text_frame
from server.gateway.work_in_flight import WorkInFlight
from server.observability.metrics import Metrics

CLAIMS = Rate(burst=10, interval_ms=500)  # of one student on this process, over all drops
_NOT_A_STUDENT = ClaimAnswer(Outcome.NOT_ELIGIBLE, why=why.NOT_A_STUDENT)
_TASK_OPEN = ClaimAnswer(Outcome.TASK_OPEN, why=why.TASK_OPEN)
_GONE = ClaimAnswer(Outcome.CLOSED, why=why.GONE)
_PREPARED = ClaimAnswer(Outcome.NOT_OPEN, why=why.PREPARED)


class Taps:
    def __init__(self, parts: GatewayParts, follower: FeedFollower, work: WorkInFlight) -> None:
        self._desk = parts.claim_desk
        self._access = parts.access
        self._waits_to_open = parts.waits_to_open
        self.traces = parts.traces
        self._follower = follower
        self._work = work
        self._buckets: dict[str, Bucket] = {}
        self._answered: Counter[Outcome] = Counter()  # since the last `report`

    def take(
        self, connection: Connection, room: Room, identity: Identity, frame: ClaimFrame
    ) -> None:
        """Answer a tap, or hand it to the desk. The rate is measured at the time of the session's last
        message, which is this tap: one read of the clock less for each."""
        assert connection.session is not None
        drop_id, request_id = frame.drop_id, frame.request_id
        wait_ms = self._admit(identity.subject, connection.session.last_message_at)
        drop = room.drops.get(drop_id)
        if wait_ms:
            limited = ClaimAnswer(Outcome.RATE_LIMITED, retry_after_ms=wait_ms)
            self.answer(connection, drop_id, request_id, limited)
        elif not identity.may_claim_in(room.name):
            self.answer(connection, drop_id, request_id, _NOT_A_STUDENT)
        elif drop is None:
            self._work.start(self._take_after_healing(connection, room, identity, frame))
        else:
            self._submit(connection, room, identity, drop, frame)

    def answer(
        self,
        connection: Connection,
        drop_id: str,
        request_id: str,
        answer: ClaimAnswer,
        tap: int = 0,
    ) -> None:
        """Send the answer to one tap, whether the desk gave it or this class. `tap`: its number on
        the drop, where the desk counted it."""
        self._answered[answer.outcome] += 1
        frames = claim_replies.claim_result(drop_id, request_id, answer, tap)
        if answer.held is not None and is_confirmed(answer):
            frames += claim_replies.claim_confirmed(drop_id, answer.held)
        connection.send_private(frames)

    def answer_open_task(self, tap: "_SocketTap") -> None:
        """Say what is to be done before the claim counts, and how far the student is."""
        drop = tap.room.drops.get(tap.drop_id)
        if drop is None or drop.task is None:  # the room was reloaded meanwhile
            self.answer(tap.connection, tap.drop_id, tap.request_id, _TASK_OPEN, tap.number)
            return
        self._answered[Outcome.TASK_OPEN] += 1
        progress = tap.room.progress.of(drop, tap.student)
        fields = wire.claim_fields(tap.request_id, drop.id, Outcome.TASK_OPEN)
        told = fields | dict(task_frames.open_fields(drop.task, progress, tap.number))
        tap.connection.send_private(text_frame(wire.claim_result(told)))

    def report(self, metrics: Metrics) -> None:
        """Add the answers since the last report to the metrics. A counter of prometheus-client takes a
        lock, so it is not increased for each tap."""
        for outcome, number in self._answered.items():
            metrics.claims.labels(outcome).inc(number)
        self._answered.clear()

    def prune(self, now: int) -> None:
        """Forget students who have not tapped for a while."""
        full = [name for name, bucket in self._buckets.items() if bucket.is_full(CLAIMS, now)]
        for name in full:
            del self._buckets[name]

    def _admit(self, student: str, now: int) -> int:
        """Return 0, or how many ms the student has to wait."""
        bucket = self._buckets.get(student)
        if bucket is None:
            bucket = self._buckets[student] = Bucket()
        return bucket.take(CLAIMS, now)

    def _submit(
        self,
        connection: Connection,
        room: Room,
        identity: Identity,
        drop: RoomDrop,
        frame: ClaimFrame,
    ) -> None:
        request_id = frame.request_id
        if not is_for(drop, identity):
            self.answer(connection, drop.id, request_id, _not_eligible(drop, identity))
            return
        # Read first, because nearly always nobody is.
        is_blocked = self._access.blocks_somebody and self._access.is_blocked(identity, now_ms())
        student = StudentId(identity.subject)
        room.seen[drop.id].add(student)  # a tap proves that the card was seen
        tap = _SocketTap(
            shard=drop.shard,
            drop_id=drop.id,
            batch_id=drop.batch_id,
            student=student,
            request_id=request_id,
            campaign_id=drop.campaign_id,
            is_blocked=is_blocked,
            person=identity.person,
            device=identity.device,
            entering=entering(frame.client_random) if drop.draw is not None else "",
        )
        tap.taps, tap.work, tap.connection, tap.room = self, self._work, connection, room
        if self.traces is not None:
            tap.begun = now_ms()
        self._work.taps += 1
        self._desk.submit(tap)

    async def _take_after_healing(
        self, connection: Connection, room: Room, identity: Identity, frame: ClaimFrame
    ) -> None:
        """Take a tap on a drop that the room does not have. The student may come from another gateway that
        had the drop before this one, so the room catches up with the feed first. `closed` is final for the
        student: a room that could not catch up says `retry`, and a prepared drop is not open yet."""
        has_caught_up = await self._follower.heal(room)
        drop = room.drops.get(frame.drop_id)
        if drop is not None:
            self._submit(connection, room, identity, drop, frame)
        else:
            no = await self._no_drop(room, frame.drop_id) if has_caught_up else RETRY
            self.answer(connection, frame.drop_id, frame.request_id, no)

    async def _no_drop(self, room: Room, drop_id: str) -> ClaimAnswer:
        return _PREPARED if await self._waits_to_open(room.name, drop_id) else _GONE


def _not_eligible(drop: RoomDrop, identity: Identity) -> ClaimAnswer:
    reason = why.outside(drop.audience, identity.subject, identity.tags, identity.is_new)
    return ClaimAnswer(Outcome.NOT_ELIGIBLE, why=reason)


class _SocketTap(Tap):
    """A tap in the desk's queue, and where its answer goes. Attributes are set one by one: a constructor of
    our own would be one more Python call for each of ten thousand."""

    __slots__ = ("begun", "connection", "room", "taps", "work")
    taps: Taps
    work: WorkInFlight
    connection: Connection
    room: Room
    begun: int  # ms; only where there are traces

    def answered(self, answer: ClaimAnswer) -> None:
        self.work.taps -= 1
        self.work.note_less()
        if answer.held is not None and answer.held.state is ClaimState.WON:
            self.room.unconfirmed[self.drop_id, self.student] = answer.held
        elif answer.entry is not None:
            self.room.entries[self.drop_id, self.student] = answer.entry
        if answer.outcome is Outcome.TASK_OPEN:
            self.taps.answer_open_task(self)
            return
        self.taps.answer(self.connection, self.drop_id, self.request_id, answer, self.number)
        traces = self.taps.traces
        if traces is not None and answer.outcome is Outcome.WON and answer.held is not None:
            traces.tap(answer.held.claim_id, self.drop_id, self.begun, now_ms())
