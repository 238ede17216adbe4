"""Messages reach their students: in the app, through the school; held, retried and cancelled, on both
databases.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

import orjson
import pytest
from sqlalchemy import select, update

from server.core.events.message_rules import DAY_MS, Cap, MessageRules, QuietHours
from server.core.messages import Channel, MessageKind, NewMessage
from server.desk.feed.feed import EVERYWHERE
from server.flows.events.send_messages import MessagePolicy, delete_old, send_due
from server.ledger import tables
from server.ledger.message_queue import request
from tests.support.builders.classroom import granted
from tests.support.builders.typed_codes import bind, made_codes
from tests.support.worker_rig import WorkerRig, listening

pytestmark = pytest.mark.asyncio
ZONE = ZoneInfo("Asia/Shanghai")
CAPS = (Cap(2, DAY_MS), Cap(4, 7 * DAY_MS))
POLICY = MessagePolicy(MessageRules(CAPS, QuietHours(time(21, 30), time(8, 30)), ZONE), "en")
NOON = int(datetime(2026, 12, 2, 12, tzinfo=ZONE).timestamp() * 1000)
NIGHT = NOON + 12 * 3_600_000
BOTH = (Channel.IN_APP, Channel.WEBHOOK)


def message(
    student: str = "ann", channels: Sequence[Channel] = (Channel.WEBHOOK,), now: int = NOON
) -> NewMessage:
    return NewMessage(
        student=student,
        kind=MessageKind.NOTICE,
        text=f"For {student}",
        created_at=now,
        not_before=now,
        expires_at=now + 20 * DAY_MS,
        channels=tuple(channels),
    )


async def ask(rig: WorkerRig, *wanted: NewMessage) -> None:
    async with rig.ledger.begin() as conn:
        await request(conn, wanted)


async def states(rig: WorkerRig) -> list[tuple[str, str, str | None]]:
    """Return (channel, state, reason) of all messages, in the order in which they were asked for."""
    rows = tables.messages.c
    query = select(rows.channel, rows.state, rows.reason)
    async with rig.ledger.read() as conn:
        found = await conn.execute(query.order_by(rows.created_at, rows.cap_key, rows.channel))
        return [(row[0], row[1], row[2]) for row in found]


async def requested(rig: WorkerRig) -> list[dict[str, object]]:
    rows = tables.unnumbered_events.c
    query = select(rows.data).where(rows.type == "message.requested").order_by(rows.number)
    async with rig.ledger.read() as conn:
        return [orjson.loads(data) for data in await conn.scalars(query)]


async def send(rig: WorkerRig, now: int = NOON) -> int:
    return await send_due(rig.stores, POLICY, now)


async def test_a_message_goes_to_the_sockets_and_to_the_school(rig: WorkerRig) -> None:
    await ask(rig, message(channels=BOTH))

    async with listening(rig.desk, EVERYWHERE) as heard:
        assert await send(rig) == 2
        ((student, frame),) = await heard.next("changed")

    assert (student, frame["type"], frame["text"]) == ("ann", "message", "For ann")
    assert frame["id"].startswith("msg_")
    (event,) = await requested(rig)
    assert (event["student"], event["text"]) == ("ann", "For ann")
    assert [state for _, state, _ in await states(rig)] == ["sent", "sent"]


async def test_what_is_sent_is_not_sent_again(rig: WorkerRig) -> None:
    await ask(rig, message(channels=BOTH))

    assert [await send(rig), await send(rig, NOON + 1)] == [2, 0]


async def test_a_message_waits_for_its_time_and_ends_with_its_life(rig: WorkerRig) -> None:
    later = replace(message(), not_before=NOON + 1_000, expires_at=NOON + 2_000)
    await ask(rig, later)

    assert await send(rig, NOON + 999) == 0
    assert await send(rig, NOON + 2_000) == 0
    assert await states(rig) == [("webhook", "expired", None)]


async def test_the_third_of_a_day_is_held_and_sent_when_the_window_allows(rig: WorkerRig) -> None:
    await ask(rig, *(message(now=NOON + number) for number in range(3)))

    assert await send(rig, NOON + 10) == 2
    assert await states(rig) == [
        ("webhook", "sent", None),
        ("webhook", "sent", None),
        ("webhook", "held", "cap"),
    ]
    assert await send(rig, NOON + 10 + DAY_MS - 1) == 0
    assert await send(rig, NOON + 10 + DAY_MS) == 1


async def test_two_channels_of_one_message_count_once(rig: WorkerRig) -> None:
    await ask(rig, message(channels=BOTH), message(channels=BOTH), message("bob"))

    assert await send(rig) == 5


async def test_at_night_the_school_is_asked_in_the_morning(rig: WorkerRig) -> None:
    await ask(rig, message(channels=BOTH, now=NIGHT))

    assert await send(rig, NIGHT) == 1
    assert await states(rig) == [("in_app", "sent", None), ("webhook", "held", "quiet_hours")]
    morning = NIGHT + 8 * 3_600_000 + 30 * 60_000
    assert [await send(rig, morning - 1), await send(rig, morning)] == [0, 1]


async def test_of_workers_at_once_each_message_is_sent_by_one_and_the_cap_holds(
    rig: WorkerRig,
) -> None:
    students = [f"s{number}" for number in range(40)]
    await ask(rig, *(message(student) for student in students for _ in range(4)))

    sent = await asyncio.gather(*(send(rig) for _ in range(4)))

    assert sum(sent) == 80
    told = [str(event["student"]) for event in await requested(rig)]
    assert sorted(told) == sorted(students * 2)


async def test_a_coupon_that_is_used_by_now_is_not_talked_about(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch()
    (code,) = await made_codes(rig, batch, 1)
    coupon = granted(await bind(rig, "ann", code, NOON))
    await ask(rig, replace(message(), coupon_id=coupon.id))
    async with rig.ledger.begin() as conn:
        row = tables.coupons.c
        await conn.execute(update(tables.coupons).where(row.id == coupon.id).values(state="voided"))

    assert await send(rig) == 0
    assert await states(rig) == [("webhook", "cancelled", "coupon_gone")]


async def test_a_worker_that_died_is_followed_by_another_after_its_lease(rig: WorkerRig) -> None:
    await ask(rig, message(channels=(Channel.IN_APP,)))
    rows = tables.messages
    async with rig.ledger.begin() as conn:
        await conn.execute(update(rows).values(lease_until=NOON + 60_000, counted_at=NOON))

    assert await send(rig, NOON + 59_999) == 0
    assert await send(rig, NOON + 60_000) == 1


async def test_old_messages_are_deleted(rig: WorkerRig) -> None:
    await ask(rig, message(), message("bob", now=NOON + DAY_MS))

    await delete_old(rig.stores, NOON + 90 * DAY_MS)

    assert len(await states(rig)) == 1
