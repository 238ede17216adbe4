"""The books of drops, counted unit by unit at both ends: what promises I1, I2 and I6 come to.

Reads the ledger's rows and the desk's keys themselves, never a counter that somebody keeps.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.sql.selectable import ScalarSelect

from server.core.drops.claims import ClaimState
from server.desk.claims import claim_record
from server.desk.claims.claim_record import HeldClaim
from server.desk.claims.outbox import Outbox
from server.desk.keys import ShardKeys
from server.desk.redis.nodes import Nodes
from server.ledger.drops.claims import ClaimRow, of_drop
from server.ledger.drops.drop_row import DropRow
from server.ledger.drops.drops import find
from server.ledger.engine import Ledger
from server.ledger.tables import allotments, batches, claims, coupons, drops
from tests.support.eventually import eventually

_LOOK_EVERY_S = 0.1
_LIVE = (ClaimState.WON, ClaimState.CONFIRMED)


@dataclass(frozen=True, slots=True)
class DeskBooks:
    quantity: int
    next: int
    live: int
    free: frozenset[int]
    holders: Mapping[str, HeldClaim]

    @property
    def held(self) -> dict[str, HeldClaim]:
        return {student: one for student, one in self.holders.items() if one.state in _LIVE}

    @property
    def never_taken(self) -> int:
        return self.quantity - (self.next - 1)

    def check(self) -> None:
        units = [one.unit for one in self.held.values()]
        assert len(units) == len(set(units)) == self.live, "a unit has two holders"
        assert not set(units) & self.free, "a held unit is free as well"
        assert self.never_taken >= 0, f"unit {self.next - 1} of {self.quantity}"
        assert all(1 <= unit < self.next for unit in [*units, *self.free])
        accounted = self.never_taken + len(self.free) + len(units)
        assert accounted == self.quantity, f"I6 on the desk: {accounted} of {self.quantity}"


@dataclass(frozen=True, slots=True)
class LedgerBooks:
    """A drop's counts in the ledger, read by one statement and so consistent."""

    state: str
    quantity: int
    returned: int
    allotted: int
    live_claims: int
    held: int
    redeemed: int
    batch_quantity: int
    batch_allotted: int
    batch_in_drops: int  # and in issued coupons

    @property
    def free(self) -> int:
        return self.quantity - self.returned - self.held - self.redeemed

    def check(self) -> None:
        assert self.allotted == self.quantity, "allotments do not add up to the drop"
        assert self.held + self.redeemed == self.live_claims, "a live claim has no coupon, or two"
        assert self.free >= 0, f"I6 in the ledger: {self}"
        assert self.batch_allotted == self.batch_in_drops, f"batch and drops differ: {self}"
        assert 0 <= self.batch_allotted <= self.batch_quantity, f"I1: {self}"


@dataclass(slots=True)
class Books:
    """The books of one installation. `looks` counts the checks that were made while claims were going on."""

    ledger: Ledger
    redis: Nodes
    prefix: str
    looks: int = 0

    async def at_desk(self, drop_id: str) -> DeskBooks:
        """Return a drop's counts on the desk, read in one transaction and so consistent."""
        row = await self.row(drop_id)
        keys = ShardKeys(self.prefix, row.shard)
        async with self.redis.at(keys.fence).pipeline(transaction=True) as pipe:
            pipe.hgetall(keys.drop(drop_id))
            pipe.zrange(keys.free(drop_id), 0, -1)
            pipe.hgetall(keys.holders(drop_id))
            drop, free, holders = await pipe.execute()
        return DeskBooks(
            quantity=int(drop[b"quantity"]),
            next=int(drop[b"next"]),
            live=int(drop[b"live"]),
            free=frozenset(int(unit) for unit in free),
            holders={name.decode(): claim_record.parse(one) for name, one in holders.items()},
        )

    async def in_ledger(self, drop_id: str) -> LedgerBooks:
        async with self.ledger.read() as conn:
            row = (await conn.execute(_STATEMENT.where(drops.c.id == drop_id))).mappings().one()
        counts = {name: int(value) for name, value in row.items() if name != "state"}
        return LedgerBooks(state=row["state"], **counts)

    async def row(self, drop_id: str) -> DropRow:
        async with self.ledger.read() as conn:
            row = await find(conn, drop_id)
        assert row is not None
        return row

    async def claims(self, drop_id: str) -> list[ClaimRow]:
        async with self.ledger.read() as conn:
            return await of_drop(conn, drop_id)

    async def look(self, *drop_ids: str) -> None:
        """Check what must hold at any moment, whatever is going on."""
        for drop_id in drop_ids:
            (await self.in_ledger(drop_id)).check()
            (await self.at_desk(drop_id)).check()
        self.looks += 1

    async def settle(self, *drop_ids: str) -> None:
        """Waits until the outbox is empty; then both ends have to say the same of every unit."""
        await self._until_outbox_is_empty()
        await self.look(*drop_ids)
        for drop_id in drop_ids:
            await self._compare(drop_id)

    @asynccontextmanager
    async def watched(self, *drop_ids: str) -> AsyncIterator[None]:
        """Looks again and again while the body runs."""
        done = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch(done, drop_ids))
            try:
                yield
            finally:
                done.set()

    async def _watch(self, done: asyncio.Event, drop_ids: tuple[str, ...]) -> None:
        while not done.is_set():
            await self.look(*drop_ids)
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await done.wait()
            except TimeoutError:
                continue

    async def _compare(self, drop_id: str) -> None:
        desk, ledger = await self.at_desk(drop_id), await self.in_ledger(drop_id)
        rows = [row for row in await self.claims(drop_id) if row.state == "live"]
        assert {one.claim_id for one in desk.held.values()} == {row.id for row in rows}
        assert {(s, one.unit) for s, one in desk.held.items()} == {
            (row.student, row.unit) for row in rows
        }
        assert len(rows) == ledger.live_claims
        if ledger.state == "closed":
            assert ledger.returned + ledger.live_claims == ledger.quantity, f"I6: {ledger}"
            # Less where the desk had closed before a top-up came to it: that went back unseen.
            assert desk.quantity <= ledger.quantity
        else:
            assert desk.quantity == ledger.quantity
            assert len(desk.free) + desk.never_taken == ledger.free, "I6 between the two"

    async def _until_outbox_is_empty(self) -> None:
        outbox = Outbox(self.redis, self.prefix, "books")

        async def is_empty() -> bool:
            return (await outbox.backlog()).entries == 0

        await eventually(is_empty, deadline_s=15)


def _scalar(counted: ColumnElement[int], condition: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.coalesce(counted, 0)).where(condition).correlate(drops).scalar_subquery()


_siblings = drops.alias()
_issued = coupons.alias()
_STATEMENT = select(
    drops.c.state,
    drops.c.quantity,
    drops.c.returned,
    _scalar(
        func.sum(allotments.c.last - allotments.c.first + 1), allotments.c.drop_id == drops.c.id
    ).label("allotted"),
    _scalar(
        func.count(claims.c.id), (claims.c.drop_id == drops.c.id) & (claims.c.state == "live")
    ).label("live_claims"),
    _scalar(
        func.count(coupons.c.id),
        (coupons.c.drop_id == drops.c.id) & coupons.c.state.in_(("usable", "locked", "voided")),
    ).label("held"),
    _scalar(
        func.count(coupons.c.id),
        (coupons.c.drop_id == drops.c.id) & (coupons.c.state == "redeemed"),
    ).label("redeemed"),
    batches.c.quantity.label("batch_quantity"),
    batches.c.allotted.label("batch_allotted"),
    (
        _scalar(
            func.sum(_siblings.c.quantity - _siblings.c.returned),
            (_siblings.c.batch_id == drops.c.batch_id) & (_siblings.c.state != "prepared"),
        )
        + _scalar(
            func.count(_issued.c.id),
            (_issued.c.batch_id == drops.c.batch_id)
            & _issued.c.issuance_id.is_not(None)
            & (_issued.c.state != "revoked"),
        )
    ).label("batch_in_drops"),
).join(batches, batches.c.id == drops.c.batch_id)
