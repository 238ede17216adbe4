"""Rows that are read together with one that had to be waited for are of the same moment as it."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text

from server.core.checkout.redemptions import LockForm, Redemption
from server.core.promotions.templates import AmountOff
from server.flows.checkout import redemptions as flows
from server.ledger.checkout import redemptions
from server.ledger.drops.opening_facts import read_opening_facts
from server.ledger.engine import Ledger
from server.ledger.promotions import batches, templates
from tests.support.builders.checkouts import ORDER, coupon_in_hand
from tests.support.builders.classroom import granted, now_ms
from tests.support.eventually import eventually
from tests.support.worker_rig import WorkerRig

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
]


async def somebody_waits(ledger: Ledger) -> bool:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with ledger.read() as conn:
        return bool(await conn.scalar(waiting))


async def test_coupons_are_those_of_the_lock_that_was_waited_for(rig: WorkerRig) -> None:
    held = await coupon_in_hand(rig)
    locked = await held.lock()

    async def found() -> Redemption | None:
        async with rig.ledger.begin() as conn:
            return await redemptions.find_for_update(conn, locked.id)

    async with rig.ledger.begin() as conn:
        before = await redemptions.find_for_update(conn, locked.id)
        assert before is not None
        reading = asyncio.create_task(found())
        await eventually(lambda: somebody_waits(rig.ledger))
        after = replace(before, coupons=(), version=before.version + 1)
        await redemptions.store_lock(conn, after, before)

    seen = await reading
    assert seen is not None
    assert (seen.version, seen.coupons) == (locked.version + 1, ())


async def test_the_template_is_that_of_the_batch_as_it_was_edited(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch()
    async with rig.ledger.read() as conn:
        old = await templates.find(conn, batch.template_id)
    assert old is not None
    form = replace(old.form, discount=AmountOff(777))
    async with rig.ledger.begin() as conn:
        assert await templates.insert_next(conn, replace(old, form=form, version=2), "op")

    async def found() -> object:
        async with rig.ledger.begin() as conn:
            facts = await read_opening_facts(conn, batch.id, "tina", now_ms())
            assert facts.template is not None
            return facts.template.discount

    async with rig.ledger.begin() as conn:
        await batches.find_for_update(conn, batch.id)
        reading = asyncio.create_task(found())
        await eventually(lambda: somebody_waits(rig.ledger))
        await batches.replace(conn, replace(batch, template_version=2, version=batch.version + 1))

    assert await reading == AmountOff(777)


async def test_an_order_that_is_locked_twice_at_once_is_confirmed_as_it_is(rig: WorkerRig) -> None:
    held = await coupon_in_hand(rig)
    form = LockForm("order-1", held.student, ORDER, (held.code,))
    await asyncio.gather(*(flows.lock(rig.ledger, form, now_ms()) for _ in range(6)))

    locked = granted(await flows.find_by_order(rig.ledger, "order-1"))
    assert [each.code for each in locked.coupons] == [held.code]
    assert (await held.pay(locked)).coupons == locked.coupons
