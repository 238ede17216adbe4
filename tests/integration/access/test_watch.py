"""The watch counts what the ledger has, explains its points, and accuses nobody of a quick room."""

import asyncio

import pytest
from sqlalchemy import insert, update

from server.core.access.watch import Level, Signal, Watched
from server.core.ids import StudentId
from server.flows.access import watch
from server.flows.checkout.unlock import cancel
from server.flows.coupons.bind_code import Account, bind_code
from server.ledger.access import watched
from server.ledger.access.watched import WatchedRow, WatchFilter
from server.ledger.engine import Ledger
from server.ledger.tables import claims, students
from tests.support.builders.api import Api, good, refused
from tests.support.builders.campaigns import locked, made_campaign
from tests.support.builders.classroom import Classroom, granted, now_ms
from tests.support.builders.money import an_order
from tests.support.builders.typed_codes import made_codes
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio

MINUTE = watch.EVERY_MS


async def listed(ledger: Ledger, wanted: WatchFilter | None = None) -> list[WatchedRow]:
    async with ledger.read() as conn:
        return await watched.page(conn, wanted or WatchFilter(), 50, None)


async def told(ledger: Ledger) -> list[tuple[str, str, str, list[tuple[str, int]]]]:
    return [
        (
            row.found.kind.value,
            row.found.value,
            row.found.level.value,
            [(reason.signal.value, reason.count) for reason in row.found.reasons],
        )
        for row in await listed(ledger)
    ]


async def a_drop_with(classroom: Classroom, others_ms: int) -> None:
    """Ann wins 60 ms after the card, ten others after `others_ms`."""
    batch = await classroom.made_batch()
    drop = await classroom.opened(batch, quantity=20)
    others = [f"s{number}" for number in range(10)]
    await classroom.won(drop.id, "ann", *others)
    await classroom.confirm(drop.id)
    row = await classroom.row(drop.id)
    assert row.opens_at is not None
    async with classroom.ledger.begin() as conn:
        for student in ("ann", *others):
            after = 60 if student == "ann" else others_ms
            await conn.execute(
                update(claims)
                .where(claims.c.drop_id == drop.id, claims.c.student == student)
                .values(won_at=row.opens_at + after)
            )


async def test_who_is_faster_than_anybody_can_be_is_seen(classroom: Classroom) -> None:
    for _ in range(3):
        await a_drop_with(classroom, others_ms=2_000)

    assert await watch.look(classroom.ledger, now_ms()) == 1
    (row,) = await listed(classroom.ledger)
    (reason,) = row.found.reasons
    assert (row.found.value, row.found.level) == ("ann", Level.WATCH)
    assert (reason.signal, reason.count, reason.of, reason.usual_percent, reason.points) == (
        Signal.QUICK_WINS,
        3,
        3,
        0,
        30,
    )


async def test_in_a_room_where_all_are_quick_nobody_is_seen(classroom: Classroom) -> None:
    """The control: a countdown ended, and everybody tapped with it."""
    for _ in range(3):
        await a_drop_with(classroom, others_ms=80)

    assert await watch.look(classroom.ledger, now_ms()) == 0


async def test_many_coupons_in_an_hour_are_seen(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(per_student=50)
    for code in await made_codes(rig, batch, 20):
        ann = Account(StudentId("ann"))
        granted(await bind_code(rig.ledger, rig.desk.drops, ann, code, now_ms()))
    await watch.look(rig.ledger, now_ms())

    assert await told(rig.ledger) == [("student", "ann", "watch", [("coupons_per_hour", 20)])]


async def test_orders_that_are_locked_and_never_paid_are_seen(classroom: Classroom) -> None:
    drop = await classroom.opened()
    await classroom.won(drop.id, "ann", "bob")
    await classroom.confirm(drop.id)
    for number in range(3):
        # Two under one order id: the first lock is on record beside the second.
        order_id = f"o{number // 2}"
        lock = await locked(classroom.ledger, "ann", an_order(5_000), order_id)
        granted(await cancel(classroom.ledger, lock.id, now_ms()))
    await locked(classroom.ledger, "bob", an_order(5_000), "o9")
    await watch.look(classroom.ledger, now_ms())

    assert await told(classroom.ledger) == [("student", "ann", "watch", [("unpaid_locks", 3)])]


async def test_wrong_codes_are_counted_by_the_hour(ledger: Ledger) -> None:
    now = now_ms()
    for _ in range(10):
        await watch.note_wrong_code(ledger, "ann", now)
    await watch.note_wrong_code(ledger, "bob", now)
    await watch.look(ledger, now)

    assert await told(ledger) == [("student", "ann", "watch", [("wrong_codes", 10)])]


async def test_a_campaign_that_draws_new_accounts_is_seen(classroom: Classroom) -> None:
    campaign = await made_campaign(classroom.ledger)
    batch = await classroom.made_batch(campaign_id=campaign.id)
    drop = await classroom.opened(batch, quantity=30)
    names = [f"s{number}" for number in range(21)]
    await classroom.won(drop.id, *names)
    await classroom.confirm(drop.id)
    now = now_ms()
    rows = [
        {
            "id": name,
            "registered_at": now - 60_000 if name != "s0" else now - 10 * 86_400_000,
            "first_seen": now,
            "created_at": now,
        }
        for name in names
    ]
    async with classroom.ledger.begin() as conn:
        await conn.execute(insert(students), rows)
    await watch.look(classroom.ledger, now)

    assert await told(classroom.ledger) == [
        ("campaign", campaign.id, "watch", [("new_accounts", 20)])
    ]


async def test_of_many_workers_one_looks_each_minute(ledger: Ledger) -> None:
    now = now_ms()
    for _ in range(10):
        await watch.note_wrong_code(ledger, "ann", now)

    assert sorted(await asyncio.gather(*(watch.look(ledger, now) for _ in range(4)))) == [
        0,
        0,
        0,
        1,
    ]
    assert await watch.look(ledger, now + MINUTE - 1) == 0
    assert await watch.look(ledger, now + MINUTE) == 1


async def test_a_subject_keeps_its_place_and_goes_after_a_week(ledger: Ledger) -> None:
    now = now_ms()
    for _ in range(10):
        await watch.note_wrong_code(ledger, "ann", now)
    await watch.look(ledger, now)
    (before,) = await listed(ledger)
    for _ in range(20):
        await watch.note_wrong_code(ledger, "ann", now)
    await watch.look(ledger, now + MINUTE)
    (after,) = await listed(ledger)

    assert (after.id, after.first_seen_at, after.seen_at) == (before.id, now, now + MINUTE)
    assert (before.found.points, after.found.points) == (20, 40)
    assert await listed(ledger, WatchFilter(Watched.STUDENT, Level.WATCH)) == [after]
    assert await listed(ledger, WatchFilter(level=Level.BLOCK)) == []
    assert await listed(ledger, WatchFilter(Watched.CAMPAIGN)) == []
    await watch.look(ledger, now + MINUTE + watch.KEPT_MS + 1)
    assert await listed(ledger) == []


async def test_operators_see_the_list_and_wrong_codes_come_from_the_calls(api: Api) -> None:
    student, operator = await api.student(), await api.operator()
    for number in range(10):
        answer = await student.post("/v1/me/coupons", json={"code": f"NONE-{number}"})
        refused(answer, 404, "not_found")
    await watch.look(api.parts.ledger, api.clock.now)
    found = good(await operator.get("/v1/watch"))

    (one,) = found["watched"]
    assert (one["kind"], one["value"], one["points"], one["level"]) == (
        "student",
        "ann",
        20,
        "watch",
    )
    assert one["reasons"] == [{"signal": "wrong_codes", "count": 10, "points": 20}]
    assert good(await operator.get("/v1/watch", params={"level": "block"}))["watched"] == []
    refused(await student.get("/v1/watch"), 403, "wrong_role")


async def test_coupons_of_one_person_count_over_all_accounts(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(per_student=50)
    for number, code in enumerate(await made_codes(rig, batch, 20)):
        account = Account(StudentId(f"s{number % 2}"), person="p-1")
        granted(await bind_code(rig.ledger, rig.desk.drops, account, code, now_ms()))
    await watch.look(rig.ledger, now_ms())

    assert await told(rig.ledger) == [("person", "p-1", "watch", [("coupons_per_hour", 20)])]
