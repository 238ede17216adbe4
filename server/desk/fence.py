"""The fence of a desk shard and the steps of its rebuild: lease, load, arm. And marking confirmed.

Called by flows/consistency/rebuild_desk.py and flows/drops/persist_claims.py, which know the order; here are
only the single steps. Until `arm`, every script that writes the shard refuses.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple, TypeVar

import orjson
from redis.asyncio import Redis

from server.core.drops.drops import Allotment, Window
from server.core.ids import BatchId, ClaimId, DropId, Slot, StudentId, Unit
from server.desk import claim_record
from server.desk.caps import CapName, dump_slots, key_of
from server.desk.claim_record import HeldClaim
from server.desk.keys import SHARDS, ShardKeys
from server.desk.redis.connection import redis_deadline
from server.desk.scripts.loader import Scripts

# Renewed with every piece. Where its owner dies or is cut off, everybody else waits for its end.
LEASE_MS = 5_000
_TROUBLE_SECONDS = 30  # longer than the longest pause between two tries
_T = TypeVar("_T")
_AT_ONCE = 500  # holders or caps in one call: a few ms of Redis


class LeaseLostError(Exception):
    """Somebody else rebuilds now, or Redis was replaced meanwhile: start over later."""


class ConfirmedClaim(NamedTuple):
    """A tuple, because thousands are made in a second."""

    drop_id: DropId
    student: StudentId
    claim_id: ClaimId
    coupon: bytes  # JSON, as claim_confirmed shows it


@dataclass(frozen=True, slots=True)
class LoadedDrop:
    """A drop as the ledger has it. `window` None: its opening has not been finished."""

    drop_id: DropId
    batch_id: BatchId
    room: str
    per_student: int
    allotments: tuple[Allotment, ...]
    window: Window | None
    closed_at: int | None
    holders: Mapping[StudentId, HeldClaim]
    live_units: frozenset[Unit]
    won_total: int
    confirmed: int
    campaign_id: str | None = None
    per_campaign: int | None = None


class Fence:
    def __init__(self, redis: Redis, prefix: str, owner: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._owner = owner
        self._scripts = Scripts(redis)

    def _keys(self, shard: int) -> ShardKeys:
        return ShardKeys(self._prefix, shard)

    async def shut_shards(self) -> list[int]:
        """The shards whose fence does not name the server that answers now."""
        run_id = await self._scripts.run("run_id", [], [])
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for shard in range(SHARDS):
                pipe.hget(self._keys(shard).fence, "run_id")
            armed_for = await pipe.execute()
        return [shard for shard, armed in enumerate(armed_for) if armed != run_id]

    async def check_writable(self) -> None:
        """DeskUnavailableError, in words, where the server answers and takes no writes: memory or disk
        is full, a replica. Writes nothing itself."""
        await self._scripts.run("takes_writes", [], [])

    async def shut(self, shard: int) -> None:
        """Demands a rebuild: desk and ledger disagree."""
        async with redis_deadline():
            await self._redis.hdel(self._keys(shard).fence, "run_id")

    async def note_trouble(self, shard: int, words: str) -> None:
        """Why it could not be rebuilt, for whoever asks within half a minute."""
        async with redis_deadline():
            await self._redis.set(self._keys(shard).rebuild_trouble, words, ex=_TROUBLE_SECONDS)

    async def troubles(self, shards: Sequence[int]) -> dict[int, str]:
        """Of those of them that could not be rebuilt lately."""
        if not shards:
            return {}
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for shard in shards:
                pipe.get(self._keys(shard).rebuild_trouble)
            found = await pipe.execute()
        return {shard: words.decode() for shard, words in zip(shards, found, strict=True) if words}

    async def take_lease(self, shard: int, *, only_if_shut: bool = False) -> str | None:
        """Shuts the fence; the server's run id, or None where somebody else has the lease. `only_if_shut`:
        None too where the fence is open, because somebody has armed it since one looked."""
        keys = self._keys(shard)
        run_id = await self._scripts.run(
            "lease",
            [keys.fence, keys.lease],
            [self._owner, LEASE_MS, "1" if only_if_shut else "0"],
        )
        return run_id.decode() if run_id is not None else None

    async def load_drop(self, shard: int, drop: LoadedDrop) -> None:
        keys = self._keys(shard)
        names = [
            keys.fence,
            keys.lease,
            keys.drop(drop.drop_id),
            keys.holders(drop.drop_id),
            keys.free(drop.drop_id),
        ]
        fields = _fields(drop)
        next_unit = int(fields["next"])
        free = [Unit(n) for n in range(1, next_unit) if n not in drop.live_units]
        # Most drops are one piece: a call takes a round trip, and a worker may be far from Redis.
        pieces = zip_longest(_pieces(list(drop.holders.items())), _pieces(free), fillvalue=())
        for number, (holders, units) in enumerate([*pieces] or [((), ())]):
            told = {} if number else fields
            await self._load_drop_piece(names, told, holders, units, is_first=number == 0)

    async def _load_drop_piece(
        self,
        keys: list[str],
        fields: Mapping[str, str],
        holders: Sequence[tuple[StudentId, HeldClaim]],
        free: Sequence[Unit],
        *,
        is_first: bool,
    ) -> None:
        args: list[str | int | bytes] = [self._owner, LEASE_MS, "0" if is_first else "1"]
        args.append(len(fields))
        args += [word for pair in fields.items() for word in pair]
        args.append(len(holders))
        for student, held in holders:
            args += (student, claim_record.dump(held))
        args += free
        if not await self._scripts.run("load_drop", keys, args):
            raise LeaseLostError

    async def load_caps(
        self,
        shard: int,
        cap: tuple[CapName, str],
        slots: Mapping[StudentId, Collection[Slot]],
        *,
        is_first: bool = True,
        complete_as: str = "",
        kept_until: int | None = None,
    ) -> None:
        """The slots that each student has used of a batch or campaign, or a part of them. `complete_as`: the
        name of the load whose caps they are, with the last part."""
        keys = self._keys(shard)
        names = [keys.fence, keys.lease, key_of(*cap, keys)]
        pieces = list(_pieces(list(slots.items()))) or [()]
        for number, piece in enumerate(pieces):
            args: list[str | int | bytes] = [self._owner, LEASE_MS]
            args.append("0" if is_first and not number else "1")
            args.append(complete_as if number == len(pieces) - 1 else "")
            args.append("" if kept_until is None else kept_until)
            for student, used in piece:
                args += (student, dump_slots(used))
            if not await self._scripts.run("load_caps", names, args):
                raise LeaseLostError

    async def load_stops(self, shard: int, version: int, targets: Sequence[str]) -> None:
        """What may not be claimed, in place of what a desk of another time knows of it."""
        await self._scripts.run(
            "publish_stops", [self._keys(shard).stops], [version, "1", *targets]
        )

    async def arm(self, shard: int, run_id: str, epoch: int, load: str = "") -> None:
        """`load`: the name of what was loaded, where other caps than the loaded ones are still to come when
        they are needed. Without it, the desk is taken to have as much as before."""
        keys = self._keys(shard)
        args: list[str | int | bytes] = [self._owner, run_id, epoch, load]
        if not await self._scripts.run("arm", [keys.fence, keys.lease], args):
            raise LeaseLostError

    async def confirm(self, shard: int, claims: Sequence[ConfirmedClaim]) -> int:
        """Marks them confirmed, with their coupons. Repeatable. How many of them the desk knows
        nothing of: more than none means that it was replaced behind our back."""
        unknown: int = await self._scripts.run(
            "confirm", *confirm_arguments(self._keys(shard), claims)
        )
        return unknown


def confirm_arguments(
    keys: ShardKeys, claims: Sequence[ConfirmedClaim]
) -> tuple[list[str], list[bytes]]:
    """KEYS and ARGV of confirm.lua."""
    names, args = [keys.fence], list[bytes]()
    for drop_id in dict.fromkeys(claim.drop_id for claim in claims):
        of_drop = [claim for claim in claims if claim.drop_id == drop_id]
        names += (keys.drop(drop_id), keys.holders(drop_id))
        args.append(b"\n".join(b"%b\n%b\n%b" % _words(claim) for claim in of_drop))
    return names, args


def _words(claim: ConfirmedClaim) -> tuple[bytes, bytes, bytes]:
    return claim.student.encode(), claim.claim_id.encode(), claim.coupon


def _fields(drop: LoadedDrop) -> dict[str, str]:
    # None where it was closed before it was ever opened.
    quantity = max((a.last for a in drop.allotments), default=0)
    fields = {
        "drop_id": drop.drop_id,
        "batch_id": drop.batch_id,
        "room": drop.room,
        "per_student": str(drop.per_student),
        "allotments": orjson.dumps([[a.first, a.last, a.id] for a in drop.allotments]).decode(),
        "quantity": str(quantity),
        "next": str(max(drop.live_units, default=0) + 1),
        "live": str(len(drop.live_units)),
        "won_total": str(drop.won_total),
        "confirmed": str(drop.confirmed),
    }
    fields |= campaign_fields(drop.campaign_id, drop.per_campaign)
    if drop.window is not None:
        fields |= {
            "opens_at": str(drop.window.opens_at),
            "closes_at": str(drop.window.closes_at),
        }
    if drop.closed_at is not None:
        fields["closed_at"] = str(drop.closed_at)
    return fields


def campaign_fields(campaign_id: str | None, per_campaign: int | None) -> dict[str, str]:
    """What a drop's hash says of its campaign; nothing where there is none."""
    fields = {} if campaign_id is None else {"campaign_id": campaign_id}
    return fields if per_campaign is None else fields | {"per_campaign": str(per_campaign)}


def _pieces(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
