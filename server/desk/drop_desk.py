"""A drop's stock and window on the desk: open, top up, extend, close, take back, look.

Called by flows (which have written the ledger first) and, for looking, by the gateway and the API.
Every call may be repeated; DeskUnavailableError where it is not known whether it happened.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain

import orjson
from redis.asyncio import Redis

from server.core.drops.drops import Allotment, RoomDrop
from server.core.ids import BatchId, ClaimId, CouponId, DropId, Slot, StudentId
from server.desk import claim_record
from server.desk.cap_loader import CapLoader
from server.desk.caps import (
    Cap,
    CapName,
    CapsMissing,
    KnownUnused,
    TakenSlots,
    dump_slots,
    key_of,
)
from server.desk.claim_record import HeldClaim
from server.desk.drop_state import (
    COUNT_FIELDS,
    Closing,
    DeskCounts,
    Extended,
    Stamped,
    counts_of,
)
from server.desk.fence import ConfirmedClaim, campaign_fields, confirm_arguments
from server.desk.keys import SHARDS, ShardKeys
from server.desk.redis.connection import redis_deadline
from server.desk.scripts.loader import Scripts

_AT_ONCE = 500


class DropDesk:
    """`caps`: how the limits of students come to it."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self.caps = CapLoader(redis, prefix)
        self._redis = redis
        self._prefix = prefix
        self._scripts = Scripts(redis)

    def _keys(self, shard: int) -> ShardKeys:
        return ShardKeys(self._prefix, shard)

    async def open(  # noqa: PLR0913 - what a drop is on the desk, each named by the caller
        self,
        *,
        shard: int,
        drop_id: DropId,
        batch_id: BatchId,
        room: str,
        per_student: int,
        allotments: Sequence[Allotment],
        opens_in_ms: int,
        duration_ms: int,
        campaign_id: str | None = None,
        per_campaign: int | None = None,
        unused: KnownUnused | None = None,
    ) -> Stamped | CapsMissing | None:
        """Puts the units on the desk and stamps the window by Redis' clock. A second call gets the
        first one's window. None: it was closed before it was opened. CapsMissing: nothing was done; the caps
        of its batch, or campaign, have to be loaded first. `unused` spares the desk that."""
        keys = self._keys(shard)
        ranges = orjson.dumps([[a.first, a.last, a.id] for a in allotments])
        caps = _caps_of(batch_id, campaign_id if per_campaign is not None else None)
        known = unused.names if unused is not None else ()
        answer = await self._scripts.run(
            "open",
            [keys.fence, keys.drop(drop_id), *(key_of(*cap, keys) for cap in caps)],
            [
                drop_id,
                batch_id,
                room,
                per_student,
                ranges,
                max(a.last for a in allotments),
                opens_in_ms,
                duration_ms,
                "".join("1" if name in known else "0" for name, _ in caps),
                unused.epoch if unused is not None else "",
                *chain.from_iterable(campaign_fields(campaign_id, per_campaign).items()),
            ],
        )
        if isinstance(answer, bytes):
            return CapsMissing(answer.decode())
        return Stamped(*answer) if answer else None

    async def add_units(self, shard: int, drop_id: str, allotment: Allotment) -> bool:
        """False: the drop is closed; the units have to go back."""
        keys = self._keys(shard)
        return bool(
            await self._scripts.run(
                "add_units",
                [keys.fence, keys.drop(drop_id)],
                [allotment.id, allotment.first, allotment.last],
            )
        )

    async def extend(
        self,
        shard: int,
        drop_id: str,
        intent_id: str,
        ms: int,
        expected_closes_at: int,
        caps: Sequence[Cap] = (),
    ) -> Extended:
        """`caps`: what its claims are counted for, kept as long as the drop is open."""
        keys = self._keys(shard)
        names = [keys.fence, keys.drop(drop_id), *(key_of(cap.name, cap.id, keys) for cap in caps)]
        args: list[str | int] = [intent_id, ms, expected_closes_at]
        outcome, closes_at, epoch = await self._scripts.run("extend", names, args)
        return Extended(outcome.decode(), closes_at, epoch)

    async def close(self, shard: int, drop_id: str, *, only_if_over: bool) -> Closing | None:
        """None: its time is not over (asked with `only_if_over`). A drop never seen here is closed
        as well, so that an opening that comes late finds it so."""
        keys = self._keys(shard)
        answer = await self._scripts.run(
            "close",
            [keys.fence, keys.drop(drop_id), keys.holders(drop_id), keys.free(drop_id)],
            ["1" if only_if_over else "0"],
        )
        return Closing(*answer) if answer else None

    async def counts(self, shard: int, drop_id: str) -> DeskCounts | None:
        """None: not on the desk."""
        return (await self.counts_of_many([(shard, drop_id)]))[0]

    async def counts_of_many(self, drops: Sequence[tuple[int, str]]) -> list[DeskCounts | None]:
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            pipe.time()
            for shard, drop_id in drops:
                pipe.hmget(self._keys(shard).drop(drop_id), COUNT_FIELDS)
            (seconds, micros), *rows = await pipe.execute()
        now = seconds * 1000 + micros // 1000
        return [counts_of(now, row) for row in rows]

    async def claims_of(
        self, wanted: Sequence[tuple[int, str, Sequence[str]]]
    ) -> list[list[HeldClaim | None]]:
        """For each (shard, drop id, students): what each of them holds of the drop."""
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for shard, drop_id, students in wanted:
                pipe.hmget(self._keys(shard).holders(drop_id), students)
            rows = await pipe.execute()
        return [[claim_record.parse(record) if record else None for record in row] for row in rows]

    async def claims_of_students(
        self, drops: Sequence[RoomDrop], students: Sequence[str]
    ) -> list[tuple[DropId, StudentId, HeldClaim]]:
        """(drop id, student, claim) of all that these students hold of these drops."""
        rows = await self.claims_of([(drop.shard, drop.id, students) for drop in drops])
        return [
            (drop.id, StudentId(student), claim)
            for drop, row in zip(drops, rows, strict=True)
            for student, claim in zip(students, row, strict=True)
            if claim is not None
        ]

    async def give_up(self, shard: int, drop_id: str, lost: Mapping[StudentId, HeldClaim]) -> None:
        """`lost`: student -> the win they were told of, which is not here, and no unit for it. From now
        on it is revoked here, and on its way to the ledger as such. Repeatable."""
        keys = self._keys(shard)
        names = [keys.fence, keys.outbox, keys.drop(drop_id), keys.holders(drop_id)]
        told = list(lost.items())
        for start in range(0, len(told), _AT_ONCE):
            args: list[str | int | bytes] = []
            for student, claim in told[start : start + _AT_ONCE]:
                args += (student, claim_record.dump(claim))
            await self._scripts.run("give_up", names, args)

    async def delete_caps(self, name: CapName, over: Sequence[tuple[int, str]]) -> None:
        """(shard, id): of batches that nobody can claim from any more, or of campaigns that have ended."""
        for start in range(0, len(over), _AT_ONCE):
            async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
                for shard, one in over[start : start + _AT_ONCE]:
                    pipe.unlink(key_of(name, one, self._keys(shard)))
                await pipe.execute()

    async def epochs(self) -> list[int | None]:
        """For each shard which load of the desk it is; None where it is being loaded, or lost."""
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for shard in range(SHARDS):
                pipe.hmget(self._keys(shard).fence, "run_id", "epoch")
            rows = await pipe.execute()
        return [int(epoch) if run_id and epoch else None for run_id, epoch in rows]

    async def stops_known(self) -> list[int | None]:
        """For each shard which version of what is stopped it has been told; None: nothing."""
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for shard in range(SHARDS):
                pipe.hget(self._keys(shard).stops, "version")
            rows = await pipe.execute()
        return [int(version) if version else None for version in rows]

    async def publish_stops(self, shard: int, version: int, targets: Sequence[str]) -> None:
        """From now on nothing of these (batches, campaigns, `all`) is claimed. An older version than it
        knows changes nothing."""
        await self._scripts.run(
            "publish_stops", [self._keys(shard).stops], [version, "0", *targets]
        )

    async def release(self, shard: int, drop_id: str, claims: Mapping[StudentId, ClaimId]) -> int:
        """Frees the unit of each student (-> claim id) who still holds it by this very claim; how
        many."""
        keys = self._keys(shard)
        freed: int = await self._scripts.run(
            "release",
            [keys.fence, keys.drop(drop_id), keys.holders(drop_id), keys.free(drop_id)],
            ["\n".join(f"{student}\n{claim_id}" for student, claim_id in claims.items())],
        )
        return freed

    async def take_slots(
        self,
        shard: int,
        caps: Sequence[Cap],
        student: StudentId,
        coupon_id: CouponId,
        known: Mapping[CapName, Collection[int]] | None = None,
    ) -> TakenSlots | CapName | CapsMissing:
        """For a code that is being bound: a slot of each cap, counted as a tap's is. The same again for the
        same code. Where the student has used all of one: which, and nothing was taken. CapsMissing: nothing
        was taken; to be asked again with `known`, what the ledger says of the student's slots."""
        args: list[str | int] = [student, *(cap.most for cap in caps)]
        if known is not None:
            args += [dump_slots(known[cap.name]) for cap in caps]
        names = self._of_binding(shard, caps, student, coupon_id)
        answer = await self._scripts.run("take_slot", names, args)
        if isinstance(answer, bytes):
            return CapsMissing(answer.decode())
        if isinstance(answer, int):
            return caps[answer - 1].name
        epoch, *taken = answer
        slots = [Slot(slot) for slot in taken]
        return TakenSlots(epoch, {cap.name: slot for cap, slot in zip(caps, slots, strict=True)})

    async def give_slots_back(
        self, shard: int, caps: Sequence[Cap], student: StudentId, coupon_id: CouponId
    ) -> None:
        """What `take_slots` took of these for a code that was not bound. Repeatable."""
        names = self._of_binding(shard, caps, student, coupon_id)
        await self._scripts.run("give_slot_back", names, [student])

    def _of_binding(
        self, shard: int, caps: Sequence[Cap], student: StudentId, coupon_id: CouponId
    ) -> list[str]:
        keys = self._keys(shard)
        of_caps = [key_of(cap.name, cap.id, keys) for cap in caps]
        return [keys.fence, keys.binding(coupon_id, student), *of_caps]

    async def replace_coupons(self, shard: int, claims: Sequence[ConfirmedClaim]) -> None:
        """From now on whoever comes back is shown these; of claims that are still here, and theirs."""
        await self._scripts.run("confirm", *confirm_arguments(self._keys(shard), claims))


def _caps_of(batch_id: str, limited_campaign: str | None) -> list[tuple[CapName, str]]:
    """In the order in which open.lua has them."""
    caps = [(CapName.BATCH, batch_id)]
    return caps if limited_campaign is None else [*caps, (CapName.CAMPAIGN, limited_campaign)]
