"""What a room is told: publications with (epoch, offset), the state at a position, presence, boards.

Called by flows (publish), the worker (confirmations, boards) and the gateway (state, presence,
seen). The channel may lose messages without a word; the stream beside it has them (subscription.py).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import orjson
from redis.asyncio import Redis

from server.core.drops.drops import SHOWN_AFTER_CLOSE_MS, RoomDrop
from server.core.ids import CouponId, DropId, StudentId
from server.desk import room_drops
from server.desk.coupon_changes import Changes, CouponChange, load_changes
from server.desk.keys import RoomKeys
from server.desk.redis.connection import database_of, redis_deadline
from server.desk.scripts.loader import Scripts

LIVE_COUNTS_KEPT_SECONDS = 7 * 24 * 3600
SEEN_KEPT_SECONDS = 24 * 3600
PRESENCE_GOOD_FOR_MS = 6_000
EVERYWHERE = "*"  # no room's name: what a student is told in whichever room
_KEPT_LOSSES = 200
_KEPT_CHANGES = 2_000  # of the whole installation, many coupons in each
# Of a gap that is told again step by step. A larger one would be more than a client may leave unsent, all in
# one write: then the whole state is read instead.
MAX_GAP_BYTES = 32 * 1024


class FeedKind(StrEnum):
    OPENED = "opened"
    CHANGED = "changed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class RoomState:
    """The drops of a room at (epoch, offset), and Redis' clock then. `losses`: their own offset."""

    epoch: str
    offset: int
    now: int
    drops: tuple[RoomDrop, ...]
    losses: int = 0


@dataclass(frozen=True, slots=True)
class Publication:
    """One step of a room. `epoch` changes when offsets start again. `at`: when it was published, by
    Redis' clock; None where a process of an earlier version did it."""

    kind: FeedKind
    epoch: str
    offset: int
    drop: RoomDrop
    at: int | None = None


class Confirmation(NamedTuple):
    """A claim that is in the ledger; `coupon` as `claim_confirmed` shows it, in JSON. A tuple, because
    thousands are made in a second."""

    student: StudentId
    drop_id: DropId
    coupon: bytes


class Confirmations(NamedTuple):
    """What was confirmed in one go. `epoch`: of the room's feed; None where a process of an earlier version
    told it."""

    epoch: str | None
    confirmations: list[Confirmation]


@dataclass(frozen=True, slots=True)
class Loss:
    """A claim that was released or revoked; `frame` is which of the two the student is told."""

    frame: str  # coupon_released | claim_revoked
    student: StudentId
    drop_id: DropId
    coupon_id: CouponId | None
    reason: str


@dataclass(frozen=True, slots=True)
class Losses:
    """What was lost in one go. `offset` counts losses alone; None where a process of an earlier version
    told them, which nobody can count."""

    epoch: str
    offset: int | None
    losses: tuple[Loss, ...]


@dataclass(frozen=True, slots=True)
class RoomCounts:
    present: int
    reached: int


class Feed:
    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._database = database_of(redis)
        self._scripts = Scripts(redis)

    def _keys(self, room: str) -> RoomKeys:
        return RoomKeys(self._prefix, room, self._database)

    async def publish(self, publication_id: str, kind: FeedKind, drop: RoomDrop) -> int:
        """The offset it got. The same publication id is published once."""
        return await self._publish(publication_id, kind, drop)

    async def correct(self, publication_id: str, closed: RoomDrop) -> None:
        """Tells of a drop's end, where the room shows the drop, and not as closed: it has gone back
        to an earlier time."""
        await self._publish(publication_id, FeedKind.CLOSED, closed, "1")

    async def publish_cancelled_opening(self, publication_id: str, closed: RoomDrop) -> None:
        """The end of an opening: a room that was never told of the drop hears nothing, and goes on
        hearing nothing should its opening be published after all."""
        await self._publish(publication_id, FeedKind.CLOSED, closed, "2")

    async def _publish(
        self, publication_id: str, kind: FeedKind, drop: RoomDrop, unless: str = "0"
    ) -> int:
        keys = self._keys(drop.room)
        offset: int = await self._scripts.run(
            "publish",
            [keys.feed, keys.stream, keys.drops, keys.published(publication_id), keys.channel],
            [kind, drop.id, room_drops.dump(drop), unless],
        )
        return offset

    async def state(self, room: str) -> RoomState:
        keys = self._keys(room)
        epoch, offset, losses, now, *drops = await self._scripts.run(
            "room_state", [keys.feed, keys.stream, keys.drops], [SHOWN_AFTER_CLOSE_MS]
        )
        shown = tuple(room_drops.load(drop) for drop in drops)
        return RoomState(epoch.decode(), offset, now, shown, losses)

    async def find_drop(self, rooms: Collection[str], drop_id: str) -> RoomDrop | None:
        """The drop as one of these rooms keeps it, closed for long or not; None where none has it. One
        round trip for all rooms."""
        if not rooms:
            return None
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for room in rooms:
                pipe.hget(self._keys(room).drops, drop_id)
            found: list[bytes | None] = await pipe.execute()
        return next((room_drops.load(drop) for drop in found if drop is not None), None)

    async def publications_since(self, room: str, offset: int) -> list[Publication]:
        """What was published after `offset`, as far as the stream still has it, and nothing where that is
        very much; the caller checks that it begins with offset + 1 and that the epoch is its own."""
        texts = await self._after(self._keys(room).stream, offset)
        if sum(map(len, texts)) > MAX_GAP_BYTES:
            return []
        return [load_publication(orjson.loads(text)) for text in texts]

    async def losses_since(self, room: str, offset: int) -> list[Losses]:
        """The same of what was lost."""
        texts = await self._after(self._keys(room).losses, offset)
        return [load_losses(orjson.loads(text)) for text in texts]

    async def _after(self, stream: str, offset: int) -> list[bytes]:
        async with redis_deadline():
            entries: Any = await self._redis.xrange(stream, f"({offset}-0", "+")
        return [fields[b"m"] for _, fields in entries]

    async def publish_confirmations(self, room: str, confirmations: Sequence[Confirmation]) -> None:
        """Not in the stream: the desk has them, and gateways read it again every 2 s."""
        keys = self._keys(room)
        await self._scripts.run(
            "publish_confirmations",
            [keys.feed, keys.stream, keys.channel],
            [dump_confirmations(confirmations)],
        )

    async def publish_losses(self, room: str, losses: Sequence[Loss]) -> None:
        """In a stream of their own: nobody reads a confirmed claim again, so a loss that was not heard
        must be found there. Repeated, it is told again; clients know it by its claim's state."""
        told = [[one.frame, one.student, one.drop_id, one.coupon_id, one.reason] for one in losses]
        await self._publish_own(room, "lost", told, _KEPT_LOSSES)

    async def publish_changes(self, changes: Sequence[CouponChange]) -> None:
        """To every gateway, because a student may be in any room, or in several. Repeated, it is told again;
        clients know it by its version."""
        told = [[one.student, one.frame] for one in changes]
        await self._publish_own(EVERYWHERE, "changed", told, _KEPT_CHANGES)

    async def changes_since(self, offset: int) -> list[Changes]:
        """What was told everywhere after `offset`, as far as the stream still has it."""
        stream = self._keys(EVERYWHERE).losses
        return [load_changes(orjson.loads(text)) for text in await self._after(stream, offset)]

    async def _publish_own(
        self, room: str, kind: str, told: Sequence[Sequence[object]], kept: int
    ) -> None:
        keys = self._keys(room)
        names = [keys.feed, keys.stream, keys.losses, keys.channel]
        await self._scripts.run("publish_losses", names, [kind, orjson.dumps(told), kept])

    async def report_presence(self, room: str, gateway_id: str, students: int) -> int:
        """How many students this gateway has in the room -> how many all have together."""
        keys = self._keys(room)
        present: int = await self._scripts.run(
            "presence",
            [keys.presence, keys.presence_counts],
            [gateway_id, students, PRESENCE_GOOD_FOR_MS],
        )
        return present

    async def add_seen(self, room: str, drop_id: str, students: Sequence[str]) -> None:
        key = self._keys(room).seen(drop_id)
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            pipe.sadd(key, *students)
            pipe.expire(key, SEEN_KEPT_SECONDS)
            await pipe.execute()

    async def audience_counts(self, room: str, drop_id: str) -> RoomCounts:
        keys = self._keys(room)
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            pipe.hvals(keys.presence_counts)
            pipe.scard(keys.seen(drop_id))
            counts, reached = await pipe.execute()
        return RoomCounts(sum(int(count) for count in counts), reached)

    async def write_live_counts(self, room: str, drop_id: str, counters: Mapping[str, int]) -> None:
        """What the ledger counts of a drop (redeemed, returned, gmv, …), for everybody's progress."""
        key = self._keys(room).board(drop_id)
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            pipe.hset(key, mapping={name: int(value) for name, value in counters.items()})
            pipe.expire(key, LIVE_COUNTS_KEPT_SECONDS)
            await pipe.execute()

    async def read_live_counts(self, wanted: Sequence[tuple[str, str]]) -> list[dict[str, int]]:
        """For each (room, drop id): the board and `reached`."""
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for room, drop_id in wanted:
                pipe.hgetall(self._keys(room).board(drop_id))
                pipe.scard(self._keys(room).seen(drop_id))
            rows = await pipe.execute()
        return [
            {**{name.decode(): int(value) for name, value in board.items()}, "reached": reached}
            for board, reached in zip(rows[::2], rows[1::2], strict=True)
        ]


_CONFIRMED = b'{"kind":"confirmed","claims":['
_EPOCH = b'\n],"epoch":"'
_END = b'"}'


def dump_confirmations(confirmations: Sequence[Confirmation]) -> bytes:
    """JSON up to the value of its epoch, which the script knows (publish_confirmations.lua), with a line for
    each: names and ids need no escaping, and no JSON has a line end within."""
    claims = [
        b'["%b","%b",%b]' % (student.encode(), drop_id.encode(), coupon)
        for student, drop_id, coupon in confirmations
    ]
    return _CONFIRMED + b"\n" + b",\n".join(claims) + _EPOCH


def load_confirmations(payload: bytes) -> Confirmations | None:
    """None: the message says something else. Taken apart by its line ends and quotes, in a fifth of the
    time that reading JSON and writing it again takes."""
    if not payload.startswith(_CONFIRMED):
        return None
    lines, is_ours, epoch = payload[len(_CONFIRMED) + 1 :].rpartition(_EPOCH)
    if not is_ours:  # of a process of an earlier version
        claims = orjson.loads(payload)["claims"]
        told = [Confirmation(who, drop_id, orjson.dumps(coupon)) for who, drop_id, coupon in claims]
        return Confirmations(None, told)
    found = []
    for line in lines.splitlines():
        _, student, _, drop_id, coupon = line.rstrip(b",").split(b'"', 4)
        names = StudentId(student.decode()), DropId(drop_id.decode())
        found.append(Confirmation(*names, coupon[1:-1]))
    return Confirmations(epoch.removesuffix(_END).decode(), found)


def load_publication(message: Mapping[str, object]) -> Publication:
    at = message.get("at")
    return Publication(
        FeedKind(str(message["kind"])),
        str(message["epoch"]),
        int(str(message["offset"])),
        room_drops.of_fields(message["drop"]),
        at if isinstance(at, int) else None,
    )


def load_losses(message: Mapping[str, Any]) -> Losses:
    offset = message.get("offset")
    return Losses(
        str(message.get("epoch", "")),
        offset if isinstance(offset, int) else None,
        tuple(Loss(*claim) for claim in message["claims"]),
    )
