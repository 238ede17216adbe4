"""Claims that come by sockets: who may tap now, and what the desk said to each tap.

Used by `gateway.py`; one for a gateway. Ten thousand come in one blink, so there is no task, no future and no
closure for a tap: it waits in the desk's queue (desk/claim_desk.py) and is answered from there.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine

from server.core.drops.claims import ClaimState, Outcome
from server.core.drops.drops import RoomDrop
from server.core.identity import Identity
from server.core.ids import StudentId
from server.core.rates import Bucket, Rate
from server.desk.claim_desk import ClaimAnswer, ClaimDesk, Tap, is_confirmed
from server.gateway import claim_replies
from server.gateway.connection import Connection
from server.gateway.room import Room, is_for
from server.telemetry import Metrics

CLAIMS = Rate(burst=10, interval_ms=500)  # of one student on this process, over all drops
_NOT_ELIGIBLE = ClaimAnswer(Outcome.NOT_ELIGIBLE)


class Taps:
    """`heal(room)` catches up with the feed; `own(job)` runs it and knows it until it ends; `on_answered()`
    is told of each tap that has left the desk."""

    def __init__(
        self,
        desk: ClaimDesk,
        heal: Callable[[Room], Awaitable[None]],
        own: Callable[[Coroutine[object, object, None]], None],
        on_answered: Callable[[], None],
    ) -> None:
        self.under_way = 0  # not answered yet
        self._desk = desk
        self._heal = heal
        self._own = own
        self._on_answered = on_answered
        self._buckets: dict[str, Bucket] = {}
        self._answered: Counter[Outcome] = Counter()  # since they were last reported

    def take(
        self, connection: Connection, room: Room, identity: Identity, drop_id: str, request_id: str
    ) -> None:
        """At the time when the connection was last heard."""
        assert connection.session is not None
        wait_ms = self._admit(identity.subject, connection.session.heard_at)
        drop = room.drops.get(drop_id)
        if wait_ms:
            limited = ClaimAnswer(Outcome.RATE_LIMITED, retry_after_ms=wait_ms)
            self.answer(connection, drop_id, request_id, limited)
        elif not identity.may_claim_in(room.name):
            self.answer(connection, drop_id, request_id, _NOT_ELIGIBLE)
        elif drop is None:
            self._own(self._take_after_healing(connection, room, identity, drop_id, request_id))
        else:
            self._submit(connection, room, identity, drop, request_id)

    def answer(
        self, connection: Connection, drop_id: str, request_id: str, answer: ClaimAnswer
    ) -> None:
        """What the desk, or we instead of it, said to one tap."""
        self._answered[answer.outcome] += 1
        frames = claim_replies.claim_result(drop_id, request_id, answer)
        if answer.held is not None and is_confirmed(answer):
            frames += claim_replies.claim_confirmed(drop_id, answer.held)
        connection.tell(frames)

    def left_desk(self) -> None:
        self.under_way -= 1
        self._on_answered()

    def report(self, metrics: Metrics) -> None:
        """How many of which outcome. The metric's counter takes a lock: not for each in a blink."""
        for outcome, number in self._answered.items():
            metrics.claims.labels(outcome).inc(number)
        self._answered.clear()

    def forget_full_buckets(self, now: int) -> None:
        full = [name for name, bucket in self._buckets.items() if bucket.is_full(CLAIMS, now)]
        for name in full:
            del self._buckets[name]

    def _admit(self, student: str, now: int) -> int:
        """0, or how many ms the student has to wait."""
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
        request_id: str,
    ) -> None:
        if not is_for(drop, identity):
            self.answer(connection, drop.id, request_id, _NOT_ELIGIBLE)
            return
        student = StudentId(identity.subject)
        room.seen[drop.id].add(student)  # who taps has seen it
        tap = _SocketTap(
            shard=drop.shard,
            drop_id=drop.id,
            batch_id=drop.batch_id,
            student=student,
            request_id=request_id,
            campaign_id=drop.campaign_id,
        )
        tap.taps, tap.connection, tap.room = self, connection, room
        self.under_way += 1
        self._desk.submit(tap)

    async def _take_after_healing(
        self, connection: Connection, room: Room, identity: Identity, drop_id: str, request_id: str
    ) -> None:
        """A drop we have not heard of: the student may be ahead of us, coming from another gateway."""
        await self._heal(room)
        drop = room.drops.get(drop_id)
        if drop is not None:
            self._submit(connection, room, identity, drop, request_id)
        else:
            self.answer(connection, drop_id, request_id, ClaimAnswer(Outcome.CLOSED))


class _SocketTap(Tap):
    __slots__ = ("connection", "room", "taps")
    taps: Taps
    connection: Connection
    room: Room

    def answered(self, answer: ClaimAnswer) -> None:
        self.taps.left_desk()
        if answer.held is not None and answer.held.state is ClaimState.WON:
            self.room.unconfirmed[self.drop_id, self.student] = answer.held
        self.taps.answer(self.connection, self.drop_id, self.request_id, answer)
