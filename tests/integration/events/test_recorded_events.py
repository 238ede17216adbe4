"""The log has what happened: each change that a school may hear of, once, on both databases."""

from typing import Any

import orjson
import pytest

from server.core.checkout.redemptions import LockForm, Payment, Redemption
from server.core.checkout.refunds import RefundForm
from server.core.event_types import EventType
from server.flows.checkout import confirm_payment, redemptions, refunds, unlock
from server.flows.coupons.expire_coupons import tell_expired
from server.flows.drops.end_holds import end_holds
from server.flows.events.number_events import number_events
from server.ledger import event_log
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms
from tests.support.builders.money import an_order
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio


async def ignore(_last: int, _types: object) -> None:
    """Announce to nobody."""


async def told(classroom: Classroom, *types: EventType) -> list[dict[str, Any]]:
    """Return the events so far, of these types where some are given; acts only if they are asked for."""
    await number_events(classroom.ledger, ignore)
    async with classroom.ledger.read() as conn:
        found, _ = await event_log.read_range(conn, 0, 10_000)
    wanted = set(types) or set(EventType) - {EventType.ACT_RECORDED}
    return [
        {"type": each.type, "subject": each.subject, **orjson.loads(each.data)}
        for each in found
        if each.type in wanted
    ]


async def names(classroom: Classroom) -> list[str]:
    return [each["type"] for each in await told(classroom)]


async def locked(
    classroom: Classroom, code: str, order_id: str = "o1", expected: int | None = None
) -> Redemption:
    form = LockForm(order_id=order_id, student="ann", order=an_order(5_000), coupons=(code,))
    return granted(await redemptions.lock(classroom.ledger, form, now_ms()))


async def anns_coupon(rig: WorkerRig, **batch: Any) -> dict[str, Any]:
    """Let ann win a coupon that is confirmed, and return its event."""
    classroom = rig.classroom
    drop = await classroom.opened(await classroom.made_batch(**batch))
    await classroom.won(drop.id, "ann")
    await rig.loop.step()
    (confirmed,) = await told(classroom, EventType.COUPON_CONFIRMED)
    return confirmed


async def test_a_drop_and_its_coupons(rig: WorkerRig) -> None:
    classroom = rig.classroom
    drop = await classroom.opened()
    await classroom.won(drop.id, "ann", "bob")
    await rig.loop.step()
    now = now_ms()
    granted(await classroom.drops.top_up(drop.id, ROOM, 5, drop.quantity, now))
    granted(await classroom.drops.close(drop.id, ROOM, now))
    granted(await classroom.drops.close(drop.id, ROOM, now))

    events = await told(classroom)
    assert [each["type"] for each in events] == [
        "drop.opened",
        "coupon.confirmed",
        "coupon.confirmed",
        "drop.changed",
        "drop.closed",
    ]
    assert events[0]["subject"] == drop.id
    assert (events[0]["room"], events[0]["quantity"]) == (ROOM, drop.quantity)
    assert {(e["student"], e["source"], e["room"], e["state"]) for e in events[1:3]} == {
        ("ann", "claim", ROOM, "usable"),
        ("bob", "claim", ROOM, "usable"),
    }
    assert events[3]["quantity"] == drop.quantity + 5
    assert (events[4]["reason"], events[4]["returned"]) == ("stopped", drop.quantity + 3)


async def test_a_redelivered_claim_is_told_once(rig: WorkerRig) -> None:
    classroom = rig.classroom
    drop = await classroom.opened()
    await classroom.won(drop.id, "ann", "bob")
    entries = await rig.outbox.read(1_000)

    await rig.persister.persist(entries[:1], now_ms())
    await rig.persister.persist(entries, now_ms())
    await rig.persister.persist(entries, now_ms())

    assert sorted(e["student"] for e in await told(classroom, EventType.COUPON_CONFIRMED)) == [
        "ann",
        "bob",
    ]


async def test_an_order_that_is_paid_and_paid_back(rig: WorkerRig) -> None:
    coupon = await anns_coupon(rig)
    ledger = rig.ledger
    redemption = await locked(rig.classroom, coupon["code"])
    granted(await confirm_payment.confirm(ledger, redemption.id, Payment("p1"), now_ms()))
    granted(await confirm_payment.confirm(ledger, redemption.id, Payment("p1"), now_ms()))
    form = RefundForm("r1", None)
    granted(await refunds.preview(ledger, "olga", "o1", form, now_ms()))
    granted(await refunds.refund(ledger, "olga", "o1", form, now_ms()))
    granted(await refunds.refund(ledger, "olga", "o1", form, now_ms()))

    lock, paid, back = (await told(rig.classroom))[-3:]
    assert [lock["type"], paid["type"], back["type"]] == [
        "redemption.locked",
        "redemption.redeemed",
        "redemption.refunded",
    ]
    assert lock["subject"] == redemption.id
    assert (lock["order_id"], lock["student"], lock["subtotal"]) == ("o1", "ann", 5_000)
    same = {"id": coupon["coupon_id"], "code": coupon["code"]}
    assert lock["coupons"] == [{**same, "state": "locked"}]
    assert paid["coupons"] == [{**same, "state": "redeemed"}]
    assert (paid["payment_ref"], paid["version"]) == ("p1", 1)
    assert (back["refund_id"], back["amount"]) == ("r1", redemption.payable)
    assert [each["id"] for each in back["coupons"]] == [coupon["coupon_id"]]


async def test_a_lock_that_names_another_coupon_frees_the_one_before(rig: WorkerRig) -> None:
    coupon = await anns_coupon(rig)
    await locked(rig.classroom, coupon["code"])
    form = LockForm(order_id="o1", student="ann", order=an_order(5_000), coupons=())
    granted(await redemptions.lock(rig.ledger, form, now_ms()))

    event = (await told(rig.classroom))[-1]
    assert event["coupons"] == [
        {"id": coupon["coupon_id"], "code": coupon["code"], "state": "usable"}
    ]


@pytest.mark.parametrize("end", ["cancelled", "expired"])
async def test_a_lock_that_ends_frees_its_coupons(rig: WorkerRig, end: str) -> None:
    coupon = await anns_coupon(rig)
    redemption = await locked(rig.classroom, coupon["code"])
    if end == "cancelled":
        granted(await unlock.cancel(rig.ledger, redemption.id, now_ms()))
        granted(await unlock.cancel(rig.ledger, redemption.id, now_ms()))
    else:
        await unlock.expire_overdue(rig.ledger, redemption.expires_at + 1)
        await unlock.expire_overdue(rig.ledger, redemption.expires_at + 1)

    locked_event, ended = (await told(rig.classroom))[-2:]
    assert (locked_event["type"], ended["type"]) == ("redemption.locked", f"redemption.{end}")
    assert [each["state"] for each in ended["coupons"]] == ["usable"]


async def test_a_hold_that_ended(rig: WorkerRig) -> None:
    coupon = await anns_coupon(rig, hold_seconds=60)
    await end_holds(rig.stores, now_ms() + 61_000)
    await end_holds(rig.stores, now_ms() + 61_000)

    (released,) = await told(rig.classroom, EventType.COUPON_RELEASED)
    assert (released["subject"], released["student"]) == (coupon["coupon_id"], "ann")
    assert (released["state"], released["reason"]) == ("released", "hold_ended")


async def test_a_window_that_ended_is_told_once(rig: WorkerRig) -> None:
    coupon = await anns_coupon(rig)
    assert await tell_expired(rig.ledger, now_ms()) == 0
    later = now_ms() + 400 * 86_400_000
    assert await tell_expired(rig.ledger, later) == 1
    assert await tell_expired(rig.ledger, later) == 0

    (expired,) = await told(rig.classroom, EventType.COUPON_EXPIRED)
    assert (expired["subject"], expired["valid_until"]) == (
        coupon["coupon_id"],
        coupon["valid_until"],
    )


async def test_acts_are_events_too(rig: WorkerRig) -> None:
    classroom = rig.classroom
    drop = await classroom.opened()
    acts = await told(classroom, EventType.ACT_RECORDED)
    assert (acts[-1]["action"], acts[-1]["subject"]) == ("drop.made", drop.id)
    assert acts[-1]["act_id"].startswith("act_")
