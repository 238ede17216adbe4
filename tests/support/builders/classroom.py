"""A school with one class going on: a real ledger, a real desk, and the flows of drops over both.

`classroom` runs the test on both databases. Its shortest ways take for granted that it works and
fail loudly where it does not; what a test is about it calls itself (`classroom.drops.create(...)`).
"""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import TypeVar

import pytest_asyncio
from sqlalchemy import select

from server.core.drops.claims import Outcome
from server.core.drops.drop_rules import DropForm
from server.core.ids import DropId, StudentId
from server.core.promotions.batches import Batch, BatchForm
from server.core.promotions.templates import (
    AmountOff,
    RelativeValidity,
    Scope,
    Template,
    TemplateForm,
    Threshold,
)
from server.core.refusals import Refused
from server.desk.claims.outbox import Outbox
from server.desk.drops.drop_desk import DropDesk
from server.desk.feed.feed import Feed
from server.desk.feed.feed_messages import Publication
from server.desk.redis.nodes import Nodes
from server.flows.drops.claims.persist_claims import ClaimPersister
from server.flows.drops.drop_service import DropService
from server.flows.drops.views.drop_view import DropView
from server.flows.promotions.batches import create_batch
from server.flows.promotions.templates import create_template
from server.flows.stores import Stores
from server.ledger import tables
from server.ledger.drops import drops
from server.ledger.drops.drop_row import DropRow
from server.ledger.engine import Ledger
from server.ledger.promotions import batches
from tests.support.builders.desks import Desk

ROOM = "101"
T = TypeVar("T")

TEMPLATE = TemplateForm(
    name="Ten off",
    description="On every course",
    currency="CNY",
    discount=AmountOff(1000),
    threshold=Threshold(),
    scope=Scope(),
    validity=RelativeValidity(3600),
)


def now_ms() -> int:
    """The desk's clock is Redis', so these tests live in the present."""
    return time.time_ns() // 1_000_000


def granted(answer: T | Refused) -> T:
    assert not isinstance(answer, Refused), answer
    return answer


def refused(answer: object) -> Refused:
    assert isinstance(answer, Refused), answer
    return answer


@dataclass(frozen=True, slots=True)
class Classroom:
    ledger: Ledger
    desk: Desk

    @property
    def stores(self) -> Stores:
        return Stores(self.ledger, self.desk.drops, self.desk.feed)

    @property
    def drops(self) -> DropService:
        return DropService(self.ledger, self.desk.drops, self.desk.feed, "teacher")

    @property
    def without_redis(self) -> DropService:
        """The same with a Redis that is not there."""
        nowhere = Nodes(unix_socket_path="/nonexistent/redis.sock")
        prefix = self.desk.prefix
        return DropService(self.ledger, DropDesk(nowhere, prefix), Feed(nowhere, prefix), "teacher")

    async def made_template(self, **changes: object) -> Template:
        form = replace(TEMPLATE, **changes)  # type: ignore[arg-type]
        return granted(await create_template(self.ledger, "op", form, None, now_ms()))

    async def made_batch(self, template: Template | None = None, **changes: object) -> Batch:
        """100 units, for any room, one each."""
        template = template or await self.made_template()
        form = BatchForm(template.id, "Tuesday", 100, "live", 1)
        form = replace(form, **changes)  # type: ignore[arg-type]
        return granted(await create_batch(self.ledger, "op", form, None, now_ms()))

    async def opened(self, batch: Batch | None = None, **changes: object) -> DropView:
        """10 units for a minute, open now."""
        batch = batch or await self.made_batch()
        form = replace(DropForm(batch.id, 10, 60), **changes)  # type: ignore[arg-type]
        return granted(await self.drops.create(ROOM, form, None, now_ms()))

    async def tap(self, drop_id: str, student: str, request_id: str = "r1") -> Outcome:
        row = await self.row(drop_id)
        answer = await self.desk.claims.claim(
            shard=row.shard,
            drop_id=DropId(drop_id),
            batch_id=row.batch_id,
            student=StudentId(student),
            request_id=request_id,
        )
        return answer.outcome

    async def won(self, drop_id: str, *students: str) -> None:
        for student in students:
            assert await self.tap(drop_id, student) is Outcome.WON

    async def confirm(self, drop_id: str) -> None:
        """Confirm the claims in the outbox, as a worker does."""
        row = await self.row(drop_id)
        outbox = Outbox(self.desk.redis, self.desk.prefix, "tests")
        persister = ClaimPersister(self.ledger, self.desk.fence, self.desk.feed)
        await persister.persist(await outbox.read_all(row.shard), now_ms())

    async def row(self, drop_id: str) -> DropRow:
        async with self.ledger.read() as conn:
            row = await drops.find(conn, drop_id)
        assert row is not None
        return row

    async def batch(self, batch_id: str) -> Batch:
        async with self.ledger.read() as conn:
            batch = await batches.find(conn, batch_id)
        assert batch is not None
        return batch

    async def view(self, drop_id: str) -> DropView:
        return granted(await self.drops.get(drop_id, ROOM, now_ms()))

    async def told(self, room: str = ROOM) -> list[Publication]:
        """Everything the room was told, in order."""
        return await self.desk.feed.publications_since(room, 0)

    async def unfinished(self) -> list[str]:
        """The kinds of intents that are not done."""
        query = select(tables.intents.c.kind).where(tables.intents.c.done_at.is_(None))
        async with self.ledger.read() as conn:
            return list((await conn.execute(query)).scalars())


@pytest_asyncio.fixture
async def classroom(ledger: Ledger, desk: Desk) -> AsyncIterator[Classroom]:
    yield Classroom(ledger, desk)
