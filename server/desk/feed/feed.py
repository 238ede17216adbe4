"""The feed of a room: publications at (epoch, offset), the state at a position, presence, live counts.

Called by flows (publish), the worker (confirmations, live counts) and the gateway (state, presence, seen).
Redis' channels may lose messages; the stream beside the channel keeps the last ones, so that a gateway that
sees a gap in the offsets can read what it missed (subscription.py).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from redis.asyncio import Redis

from server.core.drops.drops import SHOWN_AFTER_CLOSE_MS, RoomDrop
from server.core.drops.winner_names import KEPT_NAMES, NamedWinners
from server.core.ids import DropId
from server.desk.feed import room_drops
from server.desk.feed.coupon_changes import Changes, CouponChange, load_changes
from server.desk.feed.feed_messages import (
    Confirmation,
    FeedKind,
    Loss,
    Losses,
    Publication,
    dump_confirmations,
    dump_winners,
    load_losses,
    load_publication,
)
from server.desk.feed.rosters import Rosters
from server.desk.keys import RoomKeys
from server.desk.redis.connection import database_of, redis_deadline
from server.desk.scripts.loader import Scripts

LIVE_COUNTS_KEPT_SECONDS = 7 * 24 * 3600
SEEN_KEPT_SECONDS = 24 * 3600
WINNERS_KEPT_SECONDS = 24 * 3600
_SEEN_AT_ONCE = 500  # members of a set in one reply: about 1 ms of the event loop
OPENED_KEPT_SECONDS = 30 * 24 * 3600  # a worker keeps the number in the ledger
PRESENCE_GOOD_FOR_MS = 6_000
EVERYWHERE = "*"  # in place of a room's name: messages for students in whichever room they are
ACCESS = "*access"  # in place of a room's name: tells each process to read the access rules
_KEPT_LOSSES = 200  # messages of a room; a longer gap is filled by reading the whole state
_KEPT_CHANGES = 2_000  # messages of the installation, many coupons in each
# A gap up to this size is sent to clients step by step. A larger one, in one write, would exceed what a
# client may leave unread; then the whole state is sent instead.
MAX_GAP_BYTES = 32 * 1024


@dataclass(frozen=True, slots=True)
class RoomState:
    """The drops of a room at (epoch, offset); `now` is Redis' clock (ms), `losses` the offset of losses."""

    epoch: str
    offset: int
    now: int
    drops: tuple[RoomDrop, ...]
    losses: int = 0


@dataclass(frozen=True, slots=True)
class RoomCounts:
    """Students in the room now, and students who have had the drop's card on their screen."""

    present: int
    reached: int


class Feed:
    """The feeds of all rooms of one installation. Every call may raise DeskUnavailableError. `rosters`: who
    is in which room.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._database = database_of(redis)
        self._scripts = Scripts(redis)
        self.rosters = Rosters(redis, prefix)

    def _keys(self, room: str) -> RoomKeys:
        return RoomKeys(self._prefix, room, self._database)

    async def publish(self, publication_id: str, kind: FeedKind, drop: RoomDrop) -> int:
        """Publish and return the offset. Idempotent: one publication id is published once, for an hour."""
        return await self._publish(publication_id, kind, drop)

    async def correct(self, publication_id: str, closed: RoomDrop) -> None:
        """Publish a drop's end again, if the room shows the drop as not closed: a restored Redis may have
        lost the end.
        """
        await self._publish(publication_id, FeedKind.CLOSED, closed, "1")

    async def publish_cancelled_opening(self, publication_id: str, closed: RoomDrop) -> None:
        """Publish that an opening was cancelled. A room that never got the drop gets nothing, and also gets
        nothing if the opening is published after all.
        """
        await self._publish(publication_id, FeedKind.CLOSED, closed, "2")

    async def publish_reopening(self, publication_id: str, drop: RoomDrop) -> None:
        """Publish that a drop is open again, which the room shows as closed, or no more."""
        await self._publish(publication_id, FeedKind.OPENED, drop, "3")

    async def publish_seal(self, publication_id: str, sealed: RoomDrop) -> None:
        """Publish the seal of a drop that its room shows as closed; other rooms get nothing."""
        await self._publish(publication_id, FeedKind.SEALED, sealed, "4")

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
        """Return the drops that the room shows, at one position of its feed."""
        keys = self._keys(room)
        epoch, offset, losses, now, *drops = await self._scripts.run(
            "room_state", [keys.feed, keys.stream, keys.drops], [SHOWN_AFTER_CLOSE_MS]
        )
        loaded = tuple(room_drops.load(drop) for drop in drops)
        return RoomState(epoch.decode(), offset, now, loaded, losses)

    async def find_drop(self, rooms: Collection[str], drop_id: str) -> RoomDrop | None:
        """Return the drop as one of these rooms has it, however long it is closed; None if none has it.
        One round trip for all rooms.
        """
        if not rooms:
            return None
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for room in rooms:
                pipe.hget(self._keys(room).drops, drop_id)
            found: list[bytes | None] = await pipe.execute()
        return next((room_drops.load(drop) for drop in found if drop is not None), None)

    async def publications_since(self, room: str, offset: int) -> list[Publication]:
        """Return what was published after `offset`, as far as the stream has it; empty if that is more than
        MAX_GAP_BYTES. The caller checks that it begins with offset + 1 and that the epoch is its own.
        """
        texts = await self._after(self._keys(room).stream, offset)
        if sum(map(len, texts)) > MAX_GAP_BYTES:
            return []
        return [load_publication(orjson.loads(text)) for text in texts]

    async def losses_since(self, room: str, offset: int) -> list[Losses]:
        """Return the losses after `offset` of losses, as far as the stream has them."""
        texts = await self._after(self._keys(room).losses, offset)
        return [load_losses(orjson.loads(text)) for text in texts]

    async def _after(self, stream: str, offset: int) -> list[bytes]:
        async with redis_deadline():
            entries: Any = await self._redis.xrange(stream, f"({offset}-0", "+")
        return [fields[b"m"] for _, fields in entries]

    async def publish_confirmations(self, room: str, confirmations: Sequence[Confirmation]) -> None:
        """Publish confirmed claims. They are not in the stream: gateways read unconfirmed claims from the
        desk every 2 s.
        """
        keys = self._keys(room)
        await self._scripts.run(
            "publish_confirmations",
            [keys.feed, keys.stream, keys.channel],
            [dump_confirmations(confirmations)],
        )

    async def publish_losses(self, room: str, losses: Sequence[Loss]) -> None:
        """Publish losses, and keep them in a stream of their own. Gateways do not read confirmed claims
        again, so a missed loss must be found there. A repetition is published again; clients ignore it by the
        state of the claim.
        """
        rows = [[one.frame, one.student, one.drop_id, one.coupon_id, one.reason] for one in losses]
        await self._publish_own(room, "lost", rows, _KEPT_LOSSES)

    async def publish_changes(self, changes: Sequence[CouponChange]) -> None:
        """Publish changed coupons to every gateway, because a student may be in any room, or in several.
        A repetition is published again; clients ignore it by the coupon's version.
        """
        rows = [[one.student, one.frame] for one in changes]
        await self._publish_own(EVERYWHERE, "changed", rows, _KEPT_CHANGES)

    async def changes_since(self, offset: int) -> list[Changes]:
        """Return the changes after `offset`, as far as the stream has them."""
        stream = self._keys(EVERYWHERE).losses
        return [load_changes(orjson.loads(text)) for text in await self._after(stream, offset)]

    async def _publish_own(
        self, room: str, kind: str, rows: Sequence[Sequence[object]], kept: int
    ) -> None:
        keys = self._keys(room)
        names = [keys.feed, keys.stream, keys.losses, keys.channel]
        await self._scripts.run("publish_losses", names, [kind, orjson.dumps(rows), kept])

    async def tell_winners(self, room: str, drop_id: str, named: NamedWinners) -> None:
        """Tell each gateway of the room masked names of winners, and keep the last ones for those who come
        later. A lost message is a few names not shown."""
        keys = self._keys(room)
        names, told = keys.winners(drop_id), keys.winners_told(drop_id)
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            pipe.rpush(names, *named.names)
            pipe.ltrim(names, -KEPT_NAMES, -1)
            pipe.incrby(told, len(named.names) + named.more)
            for key in (names, told):
                pipe.expire(key, WINNERS_KEPT_SECONDS)
            await pipe.execute()
        async with redis_deadline():
            await self._redis.spublish(keys.channel, dump_winners(drop_id, named))

    async def told_winners(
        self, room: str, drop_ids: Collection[DropId]
    ) -> dict[str, NamedWinners]:
        """Return the last names that the room was told of each of these drops, and how many won besides."""
        keys = self._keys(room)
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for drop_id in drop_ids:
                pipe.lrange(keys.winners(drop_id), 0, -1)
                pipe.get(keys.winners_told(drop_id))
            rows = await pipe.execute()
        found = zip(drop_ids, rows[::2], rows[1::2], strict=True)
        return {
            drop_id: NamedWinners([name.decode() for name in names], int(told) - len(names))
            for drop_id, names, told in found
            if names and told
        }

    async def tell_access_changed(self) -> None:
        """Tell each web process to read the access rules. Nothing is lost with a message: each process also
        looks by the clock (flows/access/follow_rules.py)."""
        channel = self._keys(ACCESS).channel
        async with redis_deadline():
            await self._redis.spublish(channel, b"")

    async def report_presence(self, room: str, gateway_id: str, students: int) -> int:
        """Store how many students this gateway has in the room; return how many all gateways have."""
        keys = self._keys(room)
        present: int = await self._scripts.run(
            "presence",
            [keys.presence, keys.presence_counts],
            [gateway_id, students, PRESENCE_GOOD_FOR_MS],
        )
        return present

    async def add_seen(self, room: str, drop_id: str, students: Sequence[str]) -> None:
        """Count these students as having seen the drop's card. Idempotent."""
        key = self._keys(room).seen(drop_id)
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            pipe.sadd(key, *students)
            pipe.expire(key, SEEN_KEPT_SECONDS)
            await pipe.execute()

    async def read_seen(self, room: str, drop_id: str) -> set[str]:
        """Return the students who have seen the drop's card; a page for each 500 of them."""
        key, found, cursor, is_more = self._keys(room).seen(drop_id), set[str](), 0, True
        while is_more:
            async with redis_deadline():
                page: Any = await self._redis.sscan(key, cursor, count=_SEEN_AT_ONCE)
            cursor, students = page
            found.update(student.decode() for student in students)
            is_more = cursor != 0
        return found

    async def add_opened(self, room: str, visitor: str) -> None:
        """Count the visitor of a link's page, within 1 %; idempotent. However many come, it takes 12 KB."""
        key = self._keys(room).opened
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            pipe.pfadd(key, visitor)
            pipe.expire(key, OPENED_KEPT_SECONDS)
            await pipe.execute()

    async def opened_counts(self, rooms: Sequence[str]) -> list[int]:
        """Return how many visitors each of these links has had; 0 where nobody came for long."""
        if not rooms:
            return []
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for room in rooms:
                pipe.pfcount(self._keys(room).opened)
            counts: list[int] = await pipe.execute()
        return counts

    async def audience_counts(self, room: str, drop_id: str) -> RoomCounts:
        """Return how many students are in the room and how many have seen the drop's card."""
        keys = self._keys(room)
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            pipe.hvals(keys.presence_counts)
            pipe.scard(keys.seen(drop_id))
            counts, reached = await pipe.execute()
        return RoomCounts(sum(int(count) for count in counts), reached)

    async def present_in(self, rooms: Sequence[str]) -> list[int]:
        """Return how many students are in each of these rooms, in one round trip."""
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for room in rooms:
                pipe.hvals(self._keys(room).presence_counts)
            rows = await pipe.execute()
        return [sum(map(int, counts)) for counts in rows]

    async def write_live_counts(self, room: str, drop_id: str, counters: Mapping[str, int]) -> None:
        """Store what the ledger counts of a drop (redeemed, returned, gmv, …), for `drop_progress`."""
        key = self._keys(room).board(drop_id)
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            pipe.hset(key, mapping={name: int(value) for name, value in counters.items()})
            pipe.expire(key, LIVE_COUNTS_KEPT_SECONDS)
            await pipe.execute()

    async def read_live_counts(self, wanted: Sequence[tuple[str, str]]) -> list[dict[str, int]]:
        """Return the live counts and `reached` of each (room, drop id), in one round trip."""
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for room, drop_id in wanted:
                pipe.hgetall(self._keys(room).board(drop_id))
                pipe.scard(self._keys(room).seen(drop_id))
            rows = await pipe.execute()
        return [
            {**{name.decode(): int(value) for name, value in board.items()}, "reached": reached}
            for board, reached in zip(rows[::2], rows[1::2], strict=True)
        ]
