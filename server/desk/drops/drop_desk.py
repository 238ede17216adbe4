"""A drop's stock and window on the desk: open, top up, extend, close, release, read.

Called by flows, which have written the ledger first, and for reading by the gateway and the API. Every call
may be repeated and may raise DeskUnavailableError: then it is not known whether it happened.

Lifetime of the keys: a drop, its holders and its free units exist from the opening until a day after the
close; caps until a day after the last drop that counts for them.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from itertools import chain

import orjson
from redis.asyncio import Redis

from server.core.drops.draw_cards import DRAW
from server.core.drops.drops import Allotment, RoomDrop, Window
from server.core.ids import BatchId, ClaimId, CouponId, DropId, Slot, StudentId
from server.desk.claims import claim_record
from server.desk.claims.cap_loader import CapLoader
from server.desk.claims.caps import (
    Cap,
    CapName,
    CapsMissing,
    KnownUnused,
    TakenSlots,
    caps_to_open,
    dump_slots,
    key_of,
)
from server.desk.claims.claim_record import HeldClaim
from server.desk.claims.issuance_slots import IssuanceSlots
from server.desk.drops.draw_desk import DrawDesk
from server.desk.drops.drop_state import (
    COUNT_FIELDS,
    Closing,
    DeskCounts,
    Extended,
    Stamped,
    counts_of,
)
from server.desk.drops.merged_accounts import MergedAccounts
from server.desk.drops.reopening import Reopening, moment
from server.desk.drops.task_desk import TaskDesk
from server.desk.keys import SHARDS, ShardKeys
from server.desk.redis.connection import redis_deadline
from server.desk.redis.nodes import Nodes
from server.desk.scripts.loader import Scripts
from server.desk.shards.fence import ConfirmedClaim, confirm_arguments, limit_fields

_AT_ONCE = 500  # claims or keys in one call


class DropDesk:
    """The drops of one installation on its desk. `caps` loads the limits of students, `issuance_slots` takes
    slots for issuances, `tasks` knows who has done the task of a drop.
    """

    def __init__(self, redis: Nodes, prefix: str) -> None:
        self.caps = CapLoader(redis, prefix)
        self.issuance_slots = IssuanceSlots(redis, prefix)
        self.tasks = TaskDesk(redis, prefix)
        self.draws = DrawDesk(redis, prefix)
        self.merged_accounts = MergedAccounts(redis, prefix)
        self.reopening = Reopening(redis, prefix)
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
        opens_at: int | None = None,
        closes_at: int | None = None,
        campaign_id: str | None = None,
        per_campaign: int | None = None,
        per_person: int | None = None,
        per_device: int | None = None,
        has_task: bool = False,
        unused: KnownUnused | None = None,
        is_draw: bool = False,
    ) -> Stamped | CapsMissing | None:
        """Put the units on the desk and stamp the window by Redis' clock.

        It opens at `opens_at`, or `opens_in_ms` from now, and closes at `closes_at`, or `duration_ms` after
        it opens. A second call returns the window of the first. None: it was closed before it was opened.
        CapsMissing: nothing was done, load the caps of its batch and campaign first; not those that `unused`
        names, of which no slot was used at that epoch.
        `is_draw`: taps are entries, and take no unit.
        """
        keys = self._keys(shard)
        ranges = orjson.dumps([[a.first, a.last, a.id] for a in allotments])
        caps = caps_to_open(batch_id, campaign_id if per_campaign is not None else None)
        known = unused.names if unused is not None else ()
        limits = {"per_campaign": per_campaign, "per_person": per_person, "per_device": per_device}
        named = {"task": "1" if has_task else None, "mode": DRAW if is_draw else None}
        fields = limit_fields(campaign_id=campaign_id, **named, **limits)
        reply = await self._scripts.run(
            "open",
            [keys.fence, keys.drop(drop_id), *(key_of(*cap, keys) for cap in caps)],
            [
                *(drop_id, batch_id, room, per_student, ranges),
                max(a.last for a in allotments),
                *(moment(opens_in_ms, opens_at), moment(duration_ms, closes_at)),
                "".join("1" if name in known else "0" for name, _ in caps),
                unused.epoch if unused is not None else "",
                *chain.from_iterable(fields.items()),
            ],
        )
        if isinstance(reply, bytes):
            return CapsMissing(reply.decode())
        return Stamped(reply[0], reply[1], epoch=reply[2]) if reply else None

    async def add_units(self, shard: int, drop_id: str, allotment: Allotment) -> bool:
        """Add one allotment to the drop; idempotent by its id.

        False: the drop is closed, and the units have to go back to the batch.
        """
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
        """Move the end of the drop by `ms`, if it still ends at `expected_closes_at`; idempotent by the
        intent's id. `caps` are those its claims count for: their keys must live as long as the drop.
        """
        keys = self._keys(shard)
        names = [keys.fence, keys.drop(drop_id), *(key_of(cap.name, cap.id, keys) for cap in caps)]
        args: list[str | int] = [intent_id, ms, expected_closes_at]
        outcome, closes_at, epoch = await self._scripts.run("extend", names, args)
        return Extended(outcome.decode(), closes_at, epoch)

    async def move_window(
        self, shard: int, drop_id: str, version: int, window: Window, caps: Sequence[Cap] = ()
    ) -> int:
        """Give the drop this window if `version` is newer than the desk's; return the epoch of the desk."""
        keys = self._keys(shard)
        names = [keys.fence, keys.drop(drop_id), keys.passed(drop_id), keys.progress(drop_id)]
        names += [key_of(cap.name, cap.id, keys) for cap in caps]
        args = [version, window.opens_at, window.closes_at]
        epoch: int = await self._scripts.run("move_window", names, args)
        return epoch

    async def move_limit(self, shard: int, drop_id: str, version: int, per_campaign: int) -> None:
        """Give the drop this limit of its campaign if `version` is newer than that of the desk's.

        Does nothing for a drop without such a limit, or that the desk does not have.
        """
        keys = self._keys(shard)
        await self._scripts.run(
            "move_limit", [keys.fence, keys.drop(drop_id)], [version, per_campaign]
        )

    async def close(
        self,
        shard: int,
        drop_id: str,
        *,
        only_if_over: bool,
        only_if_sold_out: bool = False,
        openings: int = 1,
    ) -> Closing | None:
        """Close the drop; idempotent. None: with `only_if_over`, its time is not over yet; with
        `only_if_sold_out`, it has units; or it was opened again since the opening of the number `openings`.

        A drop that the desk does not know is marked as closed too, so that an opening that comes late is
        refused.
        """
        keys = self._keys(shard)
        reply = await self._scripts.run(
            "close",
            [
                *(keys.fence, keys.drop(drop_id), keys.holders(drop_id), keys.free(drop_id)),
                *(keys.entrants(drop_id), keys.entries(drop_id)),
            ],
            ["1" if only_if_over else "2" if only_if_sold_out else "0", openings],
        )
        return Closing(*reply) if reply else None

    async def counts(self, shard: int, drop_id: str) -> DeskCounts | None:
        """Return the drop's counts; None where the desk does not have it."""
        return (await self.counts_of_many([(shard, drop_id)]))[0]

    async def counts_of_many(self, drops: Sequence[tuple[int, str]]) -> list[DeskCounts | None]:
        """Return the counts of each (shard, drop id), in one round trip. The clock is that of the drop's own
        server, which has stamped its window.
        """
        keys = [self._keys(shard).drop(drop_id) for shard, drop_id in drops]
        async with redis_deadline():
            groups = await self._redis.by_node(range(len(keys)), lambda number: keys[number])
            calls = (_counts_at(node, [keys[one] for one in some]) for node, some in groups)
            found = await asyncio.gather(*calls)
        counts: list[DeskCounts | None] = [None] * len(keys)
        for (_, some), of_node in zip(groups, found, strict=True):
            for number, one in zip(some, of_node, strict=True):
                counts[number] = one
        return counts

    async def claims_of(
        self, wanted: Sequence[tuple[int, str, Sequence[str]]]
    ) -> list[list[HeldClaim | None]]:
        """Return, for each (shard, drop id, students), the claim of each student or None; one round trip."""
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for shard, drop_id, students in wanted:
                pipe.hmget(self._keys(shard).holders(drop_id), students)
            rows = await pipe.execute()
        return [[claim_record.parse(record) if record else None for record in row] for row in rows]

    async def claims_of_students(
        self, drops: Sequence[RoomDrop], students: Sequence[str]
    ) -> list[tuple[DropId, StudentId, HeldClaim]]:
        """Return (drop id, student, claim) of every claim that these students have of these drops."""
        rows = await self.claims_of([(drop.shard, drop.id, students) for drop in drops])
        return [
            (drop.id, StudentId(student), claim)
            for drop, row in zip(drops, rows, strict=True)
            for student, claim in zip(students, row, strict=True)
            if claim is not None
        ]

    async def give_up(self, shard: int, drop_id: str, lost: Mapping[StudentId, HeldClaim]) -> None:
        """Revoke wins that students were told of, that this desk does not have, and that it has no unit for.

        `lost` maps a student to that win. The desk then has it as revoked, and the outbox carries it to the
        ledger as revoked. Repeatable: a student of whom the desk has any claim is skipped.
        """
        keys = self._keys(shard)
        names = [keys.fence, keys.outbox, keys.drop(drop_id), keys.holders(drop_id)]
        wins = list(lost.items())
        for start in range(0, len(wins), _AT_ONCE):
            args: list[str | int | bytes] = []
            for student, claim in wins[start : start + _AT_ONCE]:
                args += (student, claim_record.dump(claim))
            await self._scripts.run("give_up", names, args)

    async def delete_caps(self, name: CapName, over: Sequence[tuple[int, str]]) -> None:
        """Delete the caps of these (shard, id): batches whose claim window is over, or ended campaigns."""
        for start in range(0, len(over), _AT_ONCE):
            async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
                for shard, one in over[start : start + _AT_ONCE]:
                    pipe.unlink(key_of(name, one, self._keys(shard)))
                await pipe.execute()

    async def epochs(self) -> list[int | None]:
        """Return the epoch of each shard's desk; None where the desk is being loaded, or is lost."""
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for shard in range(SHARDS):
                pipe.hmget(self._keys(shard).fence, "run_id", "epoch")
            rows = await pipe.execute()
        return [int(epoch) if run_id and epoch else None for run_id, epoch in rows]

    async def stops_known(self) -> list[int | None]:
        """Return the version of the stops that each shard knows; None where it knows none."""
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for shard in range(SHARDS):
                pipe.hget(self._keys(shard).stops, "version")
            rows = await pipe.execute()
        return [int(version) if version else None for version in rows]

    async def publish_stops(self, shard: int, version: int, targets: Sequence[str]) -> None:
        """Refuse claims of these targets (batches, campaigns, `all`) from now on. A version that is not newer
        than the one the shard knows changes nothing.
        """
        await self._scripts.run(
            "publish_stops", [self._keys(shard).stops], [version, "0", *targets]
        )

    async def release(self, shard: int, drop_id: str, claims: Mapping[StudentId, ClaimId]) -> int:
        """Free the unit of each student who still has this very claim; return how many were freed.

        Idempotent. The slots stay used: a released claim counts against the student's limit.
        """
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
        """Take the lowest free slot of each cap for a code that a student binds, as a tap does.

        Idempotent by code and student. A CapName: the student has used all slots of that cap, and nothing was
        taken. CapsMissing: nothing was taken; call again with `known`, the slots that the ledger says the
        student has used.
        """
        args: list[str | int] = [cap.field_of(student) for cap in caps]
        args += [cap.most for cap in caps]
        if known is not None:
            args += [dump_slots(known[cap.name]) for cap in caps]
        names = self._of_binding(shard, caps, student, coupon_id)
        reply = await self._scripts.run("take_slot", names, args)
        if isinstance(reply, bytes):
            return CapsMissing(reply.decode())
        if isinstance(reply, int):
            return caps[reply - 1].name
        epoch, *taken = reply
        slots = [Slot(slot) for slot in taken]
        return TakenSlots(epoch, {cap.name: slot for cap, slot in zip(caps, slots, strict=True)})

    async def give_slots_back(
        self, shard: int, caps: Sequence[Cap], student: StudentId, coupon_id: CouponId
    ) -> None:
        """Return the slots that `take_slots` took for a code that was then not bound. Repeatable."""
        names = self._of_binding(shard, caps, student, coupon_id)
        fields = [cap.field_of(student) for cap in caps]
        await self._scripts.run("give_slot_back", names, fields)

    def _of_binding(
        self, shard: int, caps: Sequence[Cap], student: StudentId, coupon_id: CouponId
    ) -> list[str]:
        keys = self._keys(shard)
        of_caps = [key_of(cap.name, cap.id, keys) for cap in caps]
        fields = [cap.field_of(student) for cap in caps]
        return [keys.fence, keys.binding(coupon_id, fields), *of_caps]

    async def replace_coupons(self, shard: int, claims: Sequence[ConfirmedClaim]) -> None:
        """Replace the coupon JSON of confirmed claims, so that students who reconnect see it.

        Skips claims that the desk does not have, or that another claim of the student has replaced.
        """
        await self._scripts.run("confirm", *confirm_arguments(self._keys(shard), claims))


async def _counts_at(node: Redis, keys: Sequence[str]) -> list[DeskCounts | None]:
    async with node.pipeline(transaction=False) as pipe:
        pipe.time()
        for key in keys:
            pipe.hmget(key, COUNT_FIELDS)
        (seconds, micros), *rows = await pipe.execute()
    now = seconds * 1000 + micros // 1000
    return [counts_of(now, row) for row in rows]
