"""The fence of a desk shard, the steps of its rebuild (lease, load, arm), and the marking of confirmations.

Called by flows/consistency/rebuild/rebuild_desk.py and flows/drops/claims/persist_claims.py, which know the
order of the steps. Invariant: from `take_lease` until `arm`, every script that writes the shard is refused
(SHUT).
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, NamedTuple, TypeVar

import orjson
from redis.asyncio import Redis

from server.core.drops.draw_cards import DRAW
from server.core.drops.drops import Allotment, Window
from server.core.ids import BatchId, ClaimId, DropId, Slot, StudentId, Unit
from server.desk.claims import claim_record, entry_record
from server.desk.claims.caps import CapName, dump_slots, key_of
from server.desk.claims.claim_record import HeldClaim
from server.desk.claims.entry_record import DeskEntry
from server.desk.keys import SHARDS, ShardKeys
from server.desk.redis.connection import redis_deadline
from server.desk.redis.nodes import Nodes
from server.desk.scripts.loader import Scripts

# Renewed with every piece that is loaded. If the owner dies, the next rebuild starts when the lease ends.
LEASE_MS = 5_000
_TROUBLE_SECONDS = 30  # longer than the longest pause between two attempts
_T = TypeVar("_T")
_AT_ONCE = 500  # holders or caps in one call: a few ms of Redis


class LeaseLostError(Exception):
    """Another worker has the lease, or Redis was replaced meanwhile: start the rebuild again later."""


class ConfirmedClaim(NamedTuple):
    """A claim that the ledger has, with its coupon. A tuple, because thousands are made in a second."""

    drop_id: DropId
    student: StudentId
    claim_id: ClaimId
    coupon: bytes  # JSON, as claim_confirmed shows it


@dataclass(frozen=True, slots=True)
class LoadedDrop:
    """A drop as the ledger has it, to be loaded onto the desk.

    `window` is None while its opening is not finished. `holders` maps a student to the claim that counts.
    `live_units` are the units of won and confirmed claims. `units`: how many are in the drop, where
    some of its allotments went back to the batch. `entrants`: all entries of a draw, in order.
    """

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
    per_person: int | None = None
    per_device: int | None = None
    has_task: bool = False
    units: int | None = None
    openings: int = 1
    window_version: int = 0
    is_draw: bool = False
    entrants: Sequence[DeskEntry] = ()


class Fence:
    """The fences of all shards, for one worker. `owner` names the worker in the lease."""

    def __init__(self, redis: Nodes, prefix: str, owner: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._owner = owner
        self._scripts = Scripts(redis)

    def _keys(self, shard: int) -> ShardKeys:
        return ShardKeys(self._prefix, shard)

    async def shut_shards(self) -> list[int]:
        """Return the shards whose fence is not armed for the server that has them now."""
        async with redis_deadline():
            groups = await self._redis.by_node(range(SHARDS), lambda shard: self._keys(shard).fence)
        found = await asyncio.gather(*(self._shut_at(node, shards) for node, shards in groups))
        return sorted(shard for shut in found for shard in shut)

    async def _shut_at(self, node: Redis, shards: Sequence[int]) -> list[int]:
        run_id = await self._scripts.run("run_id", [], [], on=node)
        async with redis_deadline(), node.pipeline(transaction=False) as pipe:
            for shard in shards:
                pipe.hget(self._keys(shard).fence, "run_id")
            armed_for = await pipe.execute()
        return [shard for shard, armed in zip(shards, armed_for, strict=True) if armed != run_id]

    async def check_writable(self) -> None:
        """Raise DeskUnavailableError if a server replies but takes no writes: its memory or disk is full,
        or it is a replica. Writes nothing itself.
        """
        async with redis_deadline():
            primaries = await self._redis.each_primary()
        for primary in primaries:
            await self._scripts.run("takes_writes", [], [], on=primary)

    async def shut(self, shard: int) -> None:
        """Shut the fence, so that a worker rebuilds the shard: desk and ledger disagree."""
        async with redis_deadline():
            await self._redis.hdel(self._keys(shard).fence, "run_id")

    async def note_trouble(self, shard: int, words: str) -> None:
        """Store why the shard could not be rebuilt, for _TROUBLE_SECONDS."""
        async with redis_deadline():
            await self._redis.set(self._keys(shard).rebuild_trouble, words, ex=_TROUBLE_SECONDS)

    async def troubles(self, shards: Sequence[int]) -> dict[int, str]:
        """Return the stored reason of each of these shards that could not be rebuilt lately."""
        if not shards:
            return {}
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for shard in shards:
                pipe.get(self._keys(shard).rebuild_trouble)
            found = await pipe.execute()
        return {shard: words.decode() for shard, words in zip(shards, found, strict=True) if words}

    async def take_lease(self, shard: int, *, only_if_shut: bool = False) -> str | None:
        """Take or renew the lease, shut the fence, and return the server's run id.

        None: another worker has the lease; with `only_if_shut` also where the fence is open, because another
        worker has armed the shard since the caller looked.
        """
        keys = self._keys(shard)
        run_id = await self._scripts.run(
            "lease",
            [keys.fence, keys.lease],
            [self._owner, LEASE_MS, "1" if only_if_shut else "0"],
        )
        return run_id.decode() if run_id is not None else None

    async def load_drop(self, shard: int, drop: LoadedDrop) -> None:
        """Write the drop in place of whatever the shard has of it. Raises LeaseLostError. Repeatable."""
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
        # Most drops fit in one piece and so take one call: a worker may be far from Redis.
        pieces = zip_longest(_pieces(list(drop.holders.items())), _pieces(free), fillvalue=())
        for number, (holders, units) in enumerate([*pieces] or [((), ())]):
            new_fields = {} if number else fields
            await self._load_drop_piece(names, new_fields, holders, units, is_first=number == 0)
        if drop.is_draw:
            await self._load_entrants(keys, drop)

    async def _load_entrants(self, keys: ShardKeys, drop: LoadedDrop) -> None:
        of_drop = (keys.drop(drop.drop_id), keys.entrants(drop.drop_id), keys.entries(drop.drop_id))
        for number, piece in enumerate([*_pieces(drop.entrants)] or [()]):
            args: list[str | int | bytes] = [self._owner, LEASE_MS, "1" if number else "0"]
            for one in piece:
                args += (one.student, entry_record.dump(one))
            if not await self._scripts.run(
                "load_entrants", [keys.fence, keys.lease, *of_drop], args
            ):
                raise LeaseLostError

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
        for student, claim in holders:
            args += (student, claim_record.dump(claim))
        args += free
        if not await self._scripts.run("load_drop", keys, args):
            raise LeaseLostError

    async def read_entries(self, shard: int, drop_id: str) -> list[DeskEntry]:
        """Return the entries of a draw that the ledger may not have, whatever the fence says."""
        async with redis_deadline():
            redis: Any = self._redis  # its replies are bytes
            lines = await redis.lrange(self._keys(shard).entries(drop_id), 0, -1)
        return [entry_record.parse_line(line) for line in lines]

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
        """Write the slots that each student has used of a batch or campaign, or a part of them.

        `is_first` replaces what the shard has; otherwise slots are added. `complete_as` is given with the
        last part: the name of the load that the caps then belong to. `kept_until` (ms) is when the key
        expires. Raises LeaseLostError.
        """
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
        """Replace what the shard knows of stopped targets, whatever version it has: it may be of another
        ledger.
        """
        await self._scripts.run(
            "publish_stops", [self._keys(shard).stops], [version, "1", *targets]
        )

    async def arm(self, shard: int, run_id: str, epoch: int, load: str = "") -> None:
        """Open the fence for this server process. Raises LeaseLostError.

        `load` names the load, if caps that were not loaded are to be loaded when they are needed. Without it
        the desk keeps the name, and with it the caps, that it had.
        """
        keys = self._keys(shard)
        args: list[str | int | bytes] = [self._owner, run_id, epoch, load]
        if not await self._scripts.run("arm", [keys.fence, keys.lease], args):
            raise LeaseLostError

    async def confirm(self, shard: int, claims: Sequence[ConfirmedClaim]) -> int:
        """Mark the claims as confirmed and store their coupons. Repeatable.

        Return how many of them the desk does not have. More than 0 means that the desk was replaced since it
        sold them: rebuild it.
        """
        unknown: int = await self._scripts.run(
            "confirm", *confirm_arguments(self._keys(shard), claims)
        )
        return unknown


def confirm_arguments(
    keys: ShardKeys, claims: Sequence[ConfirmedClaim]
) -> tuple[list[str], list[bytes]]:
    """Return KEYS and ARGV of confirm.lua."""
    names, args = [keys.fence], list[bytes]()
    for drop_id in dict.fromkeys(claim.drop_id for claim in claims):
        of_drop = [claim for claim in claims if claim.drop_id == drop_id]
        names += (keys.drop(drop_id), keys.holders(drop_id))
        args.append(b"\n".join(b"%b\n%b\n%b" % _words(claim) for claim in of_drop))
    return names, args


def _words(claim: ConfirmedClaim) -> tuple[bytes, bytes, bytes]:
    return claim.student.encode(), claim.claim_id.encode(), claim.coupon


def _fields(drop: LoadedDrop) -> dict[str, str]:
    # A drop that was closed before it was opened has no allotments.
    quantity = max((a.last for a in drop.allotments), default=0)
    if drop.units is not None:
        quantity = drop.units
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
    if drop.holders:
        fields["last_won_at"] = str(max(claim.won_at for claim in drop.holders.values()))
    fields |= limit_fields(
        campaign_id=drop.campaign_id,
        per_campaign=drop.per_campaign,
        per_person=drop.per_person,
        per_device=drop.per_device,
        task="1" if drop.has_task else None,
    )
    if drop.is_draw:
        entered = drop.entrants[-1].entry.number + 1 if drop.entrants else 0
        fields |= {"mode": DRAW, "entered": str(entered)}
    if drop.window is not None:
        fields |= {
            "opens_at": str(drop.window.opens_at),
            "closes_at": str(drop.window.closes_at),
        }
    if drop.closed_at is not None:
        fields["closed_at"] = str(drop.closed_at)
    if drop.openings > 1:
        fields["openings"] = str(drop.openings)
    if drop.window_version:
        fields["window_version"] = str(drop.window_version)
    return fields


def limit_fields(**limits: str | int | None) -> dict[str, str]:
    """Return the fields of a drop's hash about its campaign and about limits; those that it does not have
    are left out.
    """
    return {name: str(value) for name, value in limits.items() if value is not None}


def _pieces(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
