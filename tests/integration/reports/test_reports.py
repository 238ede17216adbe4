"""Reports add up to the ledger, whatever was claimed, paid and paid back."""

import random
from collections.abc import Collection
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from server.flows.events.number_events import number_events
from server.flows.reports.roll_up import roll_up
from server.ledger.engine import Ledger
from server.ledger.tables import coupons, redemptions, refunds
from tests.support.builders.api import (
    ROOM,
    Api,
    a_batch,
    a_drop,
    a_template,
    an_order,
    confirm_all,
    good,
    refused,
    serving,
)
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio

ZONE = ZoneInfo("Asia/Shanghai")
SPAN = {"from": "2026-01-01", "to": "2026-12-31"}
TOGETHER = {"class": "order", "combines_with": ["order"]}
STUDENTS = ("ann", "bob", "cid", "dan")


async def ignore(_last: int, _types: Collection[str]) -> None:
    """Announce nothing."""


async def rolled_up(ledger: Ledger) -> None:
    """Number the events that there are, and add them up, as a worker does; what was added is not again."""
    await number_events(ledger, ignore)
    await roll_up(ledger, ZONE)
    assert await roll_up(ledger, ZONE) == 0


async def dropped(api: Api, desk: Desk) -> str:
    """Drop coupons of a new batch, and let all students claim; return the batch."""
    operator, teacher = await api.operator(), await api.teacher()
    validity = {"kind": "fixed", "from": "2026-01-01", "until": "2999-01-01"}
    body = a_template(validity=validity, stacking=TOGETHER)
    template = good(await operator.post("/v1/templates", json=body), 201)
    batch = good(await operator.post("/v1/batches", json=a_batch(template_id=template["id"])), 201)
    drop_body = a_drop(batch_id=batch["id"], quantity=9)
    drop = good(await teacher.post(f"/v1/rooms/{ROOM}/drops", json=drop_body), 201)
    for name in STUDENTS:
        student = await api.student(name)
        await student.post(f"/v1/drops/{drop['id']}/claims", json={"request_id": f"q-{name}"})
    await confirm_all(api, desk)
    return str(batch["id"])


async def paid(api: Api, name: str, order_id: str, prices: list[int], used: bool) -> None:
    """Pay an order, with one coupon of the student's if `used`."""
    student, shop = await api.student(name), await api.service()
    mine = good(await student.get("/v1/me/coupons"))["coupons"]
    codes = [each["code"] for each in mine if each["state"] == "usable"][: int(used)]
    order = {"order_id": order_id, "student": name, "order": an_order(*prices), "coupons": codes}
    locked = good(await shop.post("/v1/redemptions", json=order), 201)
    good(await shop.post(f"/v1/redemptions/{locked['id']}/confirm", json={}))


async def total(api: Api, report: str, by: str = "day") -> dict[str, dict[str, float | None]]:
    finance = await api.finance()
    answer = good(await finance.get(f"/v1/reports/{report}", params=SPAN | {"by": by}))
    (only,) = answer["totals"]
    found: dict[str, dict[str, float | None]] = only["figures"]
    return found


async def test_sums_of_reports_are_sums_of_the_ledger(ledger: Ledger, desk: Desk) -> None:
    chance = random.Random(7)
    async with serving(ledger, desk) as api:
        for _ in range(2):
            await dropped(api, desk)
        shop = await api.service()
        for n in range(14):
            prices = [chance.randrange(2_000, 9_000) for _ in range(chance.randrange(1, 4))]
            await paid(api, chance.choice(STUDENTS), f"o-{n}", prices, used=n % 3 != 0)
            if chance.random() < 0.4:
                part = {"lines": [{"id": "1"}]} if chance.random() < 0.5 else {}
                await shop.post(f"/v1/orders/o-{n}/refunds", json={"refund_id": "r", **part})
            if n == 7:
                await rolled_up(ledger)
        await rolled_up(ledger)
        figures, orders = await total(api, "coupons"), await total(api, "orders")
        assert await total(api, "coupons", "batch") == figures

    async with ledger.read() as conn:
        held = await conn.scalar(
            select(func.count()).where(coupons.c.state.in_(("usable", "locked", "redeemed")))
        )
        used = await conn.scalar(select(func.count()).where(coupons.c.state == "redeemed"))
        all_paid = await conn.scalar(
            select(func.sum(redemptions.c.payable)).where(redemptions.c.state == "redeemed")
        )
        all_back = await conn.scalar(select(func.sum(refunds.c.refunded)))
        count = await conn.scalar(select(func.count()).select_from(redemptions))
    assert figures["issued"]["net"] == figures["claimed"]["net"] == held
    assert figures["used"]["net"] == used
    assert isinstance(figures["issued"]["net"], int)  # 7, not 7.0
    assert isinstance(orders["paid"]["gross"], int)
    gross = orders["paid"]["gross"], orders["paid_without"]["gross"]
    net = orders["paid"]["net"], orders["paid_without"]["net"]
    assert sum(each or 0 for each in gross) == all_paid
    assert sum(each or 0 for each in net) == (all_paid or 0) - (all_back or 0)
    assert (orders["orders"]["gross"] or 0) + (orders["orders_without"]["gross"] or 0) == count


async def test_an_order_of_two_drops_counts_in_both_rows_and_once_in_the_total(
    ledger: Ledger, desk: Desk
) -> None:
    async with serving(ledger, desk) as api:
        first, second = await dropped(api, desk), await dropped(api, desk)
        ann, shop, finance = await api.student(), await api.service(), await api.finance()
        mine = good(await ann.get("/v1/me/coupons"))["coupons"]
        codes = [each["code"] for each in mine]
        order = {"order_id": "o", "student": "ann", "order": an_order(90_000), "coupons": codes}
        locked = good(await shop.post("/v1/redemptions", json=order), 201)
        done = good(await shop.post(f"/v1/redemptions/{locked['id']}/confirm", json={}))
        await rolled_up(ledger)
        answer = good(await finance.get("/v1/reports/coupons", params=SPAN | {"by": "batch"}))
        page = SPAN | {"by": "batch", "limit": "1"}
        head = good(await finance.get("/v1/reports/coupons", params=page))
        rest = good(await finance.get("/v1/reports/coupons", params=page | {"after": head["next"]}))

    by_batch = {row["key"]: row["figures"]["gmv"]["gross"] for row in answer["rows"]}
    used = len(done["coupons"])
    assert used == 2
    assert by_batch == {first: done["payable"], second: done["payable"]}
    assert answer["order_counts"] == "once"
    assert answer["totals"][0]["figures"]["gmv"]["gross"] == done["payable"]
    assert head["rows"] + rest["rows"] == answer["rows"]
    assert rest["next"] is None


async def test_a_teacher_sees_their_rooms_and_others_see_all_of_them(
    ledger: Ledger, desk: Desk
) -> None:
    async with serving(ledger, desk) as api:
        await dropped(api, desk)
        await paid(api, "ann", "o-1", [5_000], used=True)
        await paid(api, "ann", "o-2", [6_000], used=False)
        await rolled_up(ledger)
        teacher, other = await api.teacher(), await api.teacher("art-1")
        mine: dict[str, Any] = good(await teacher.get("/v1/reports/orders", params=SPAN))
        none = good(await other.get("/v1/reports/orders", params=SPAN | {"by": "room"}))
        student = await api.student()
        refused(await student.get("/v1/reports/orders", params=SPAN), 403, "wrong_role")
        operator = await api.operator()
        whole = good(await operator.get("/v1/reports/orders", params=SPAN))
        courses = good(await operator.get("/v1/reports/courses", params=SPAN | {"by": "room"}))
        known = good(await operator.get("/v1/reports/definitions"))["definitions"]
        file = await operator.get("/v1/reports/coupons", params=SPAN | {"format": "csv"})
        wrong = await operator.get("/v1/reports/coupons", params=SPAN | {"after": "e30"})

    figures = mine["totals"][0]["figures"]
    assert figures["orders"] == {"gross": 1, "net": 1}
    assert figures["followed_30"]["gross"] == 1
    assert figures["repurchase_30"]["gross"] == 1
    assert mine["comparison"] == []
    assert (none["rows"], none["totals"]) == ([], [])
    assert whole["totals"][0]["figures"]["orders_without"]["gross"] == 1
    assert whole["comparison"][0]["strata"] == 1
    assert [(row["key"], row["course"]) for row in courses["rows"]] == [(ROOM, "c0")]
    named = {one["name"] for one in known if one["report"] == "orders"}
    assert named == set(figures)
    assert file.content.startswith(b"\xef\xbb\xbfkey,course,currency,issued_gross,issued_net")
    assert file.text.splitlines()[-1].startswith("total,")
    refused(wrong, 422, "invalid_field")


async def test_drops_that_run_now_are_listed_with_the_figures_of_desk_and_ledger(
    ledger: Ledger, desk: Desk
) -> None:
    async with serving(ledger, desk) as api:
        await dropped(api, desk)
        operator, teacher, finance = await api.operator(), await api.teacher(), await api.finance()
        batch = good(await operator.get("/v1/batches"))["batches"][0]
        rooms = (ROOM, "art-1")
        opened = [
            good(
                await operator.post(f"/v1/rooms/{room}/drops", json=a_drop(batch_id=batch["id"])),
                201,
            )
            for room in rooms
        ]
        eve = await api.student("eve")
        await eve.post(f"/v1/drops/{opened[0]['id']}/claims", json={"request_id": "q-live"})
        prepared = a_drop(batch_id=batch["id"], start="prepared")
        good(await operator.post(f"/v1/rooms/{ROOM}/drops", json=prepared), 201)
        link = {"channel": "wechat", "quantity": 2}
        good(await operator.post(f"/v1/batches/{batch['id']}/links", json=link), 201)
        everywhere = good(await finance.get("/v1/reports/live"))
        page = good(await finance.get("/v1/reports/live", params={"limit": 1}))
        rest = good(await finance.get("/v1/reports/live", params={"after": page["next"]}))
        mine = good(await teacher.get("/v1/reports/live"))
        refused(await eve.get("/v1/reports/live"), 403, "wrong_role")
        await operator.post(f"/v1/rooms/art-1/drops/{opened[1]['id']}/close")
        left = good(await finance.get("/v1/reports/live"))["drops"]

    assert [drop["room"] for drop in everywhere["drops"]] == ["art-1", ROOM, ROOM]
    assert page["drops"] + rest["drops"] == everywhere["drops"]
    assert {drop["room"] for drop in mine["drops"]} == {ROOM}
    counted = next(drop for drop in left if drop["id"] == opened[0]["id"])
    assert (counted["claimed"], counted["confirmed"], counted["difference"]) == (1, 0, 1)
    assert [drop["room"] for drop in left] == [ROOM, ROOM]
