"""Payments and refunds are booked once, days are sealed once, and what comes later is an adjustment."""

import io
from collections.abc import Collection
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from python_calamine import load_workbook
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError

from server.core.instants import from_text
from server.core.statements.days import NOTHING_BEFORE
from server.flows.consistency.checks.statement_checks import check_statements
from server.flows.events.number_events import number_events
from server.flows.statements.seal_days import seal_days, sum_of_day
from server.flows.statements.write_lines import write_lines
from server.ledger.engine import Ledger
from server.ledger.tables import statement_lines
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
HOUR_MS = 3_600_000
SPAN = {"from": "2026-01-01", "to": "2026-12-31"}


async def ignore(_last: int, _types: Collection[str]) -> None:
    """Announce nothing."""


async def booked(ledger: Ledger) -> None:
    """Number the events that there are, and book them, as a worker does."""
    await number_events(ledger, ignore)
    await write_lines(ledger, ZONE)


async def begin(ledger: Ledger) -> None:
    """Let the reader begin, as the first start of a worker does."""
    await booked(ledger)


async def paid(api: Api, desk: Desk, order_id: str, *prices: int) -> dict[str, Any]:
    """Pay an order with a coupon that Ann won in a drop."""
    operator, teacher = await api.operator(), await api.teacher()
    validity = {"kind": "fixed", "from": "2026-01-01", "until": "2999-01-01"}
    template = good(await operator.post("/v1/templates", json=a_template(validity=validity)), 201)
    batch_body = a_batch(template_id=template["id"])
    batch = good(await operator.post("/v1/batches", json=batch_body), 201)
    drop_body = a_drop(batch_id=batch["id"])
    drop = good(await teacher.post(f"/v1/rooms/{ROOM}/drops", json=drop_body), 201)
    ann, shop = await api.student(), await api.service()
    await ann.post(f"/v1/drops/{drop['id']}/claims", json={"request_id": "q"})
    await confirm_all(api, desk)
    coupons = good(await ann.get("/v1/me/coupons"))["coupons"]
    code = next(each["code"] for each in coupons if each["state"] == "usable")
    lock = {"order_id": order_id, "student": "ann", "order": an_order(*prices), "coupons": [code]}
    locked = good(await shop.post("/v1/redemptions", json=lock), 201)
    body = {"payment_ref": f"p-{order_id}"}
    return good(await shop.post(f"/v1/redemptions/{locked['id']}/confirm", json=body))


async def lines_of(api: Api, **query: str) -> list[dict[str, Any]]:
    finance = await api.finance()
    return list(good(await finance.get("/v1/statements", params=SPAN | query))["lines"])


async def test_the_lines_of_an_order_add_up_to_it_and_are_booked_once(
    ledger: Ledger, desk: Desk
) -> None:
    await begin(ledger)
    async with serving(ledger, desk) as api:
        order = await paid(api, desk, "o-1", 5_000, 3_000, 3_000)
        shop = await api.service()
        part = {"refund_id": "r1", "lines": [{"id": "1"}]}
        refund = good(await shop.post("/v1/orders/o-1/refunds", json=part), 201)
        await booked(ledger)
        await booked(ledger)
        lines = await lines_of(api)

    assert [line["kind"] for line in lines] == ["sale", "sale", "sale", "refund"]
    assert sum(line["paid"] for line in lines) == order["payable"]
    assert [line["share"] for line in lines[:3]] == [455, 273, 272]
    assert sum(line["refunded"] for line in lines) == refund["refunded"]
    first = lines[0]
    assert (first["course"], first["sale_price"], first["payment_ref"]) == ("c0", 5_000, "p-o-1")
    assert (first["channel"], first["room"], first["instructor"]) == ("live", "math-7", "tina")
    assert first["version"] == 1
    assert first["drop"].startswith("drp_")


async def test_a_page_goes_on_where_the_one_before_ended(ledger: Ledger, desk: Desk) -> None:
    await begin(ledger)
    async with serving(ledger, desk) as api:
        await paid(api, desk, "o-1", 5_000, 3_000, 3_000)
        await booked(ledger)
        finance = await api.finance()
        query: dict[str, Any] = {**SPAN, "limit": 2}
        first = good(await finance.get("/v1/statements", params=query))
        rest = good(await finance.get("/v1/statements", params=query | {"after": first["next"]}))
        assert first["lines"] + rest["lines"] == await lines_of(api)
        assert rest["next"] is None


async def test_a_sealed_day_never_changes_and_what_comes_later_is_an_adjustment(
    ledger: Ledger, desk: Desk
) -> None:
    await begin(ledger)
    async with serving(ledger, desk) as api:
        await paid(api, desk, "o-1", 5_000)
        await booked(ledger)
        (line,) = await lines_of(api)
        day = line["date"]
        over = from_text(f"{day}T00:00:00+08:00") + 26 * HOUR_MS
        assert await seal_days(ledger, ZONE, over - 1) == 0
        assert await seal_days(ledger, ZONE, over) == 1
        assert await seal_days(ledger, ZONE, over) == 0
        finance = await api.finance()
        (sealed,) = good(await finance.get("/v1/statements/days", params=SPAN))["days"]
        before = (await finance.get("/v1/statements", params=SPAN | {"format": "ndjson"})).content

        await paid(api, desk, "o-2", 4_000)
        await booked(ledger)
        late = [one for one in await lines_of(api) if one["order"] == "o-2"]
        assert [(one["kind"], one["for_date"]) for one in late] == [("adjustment", day)]
        assert late[0]["date"] > day
        only = {"from": day, "to": day, "format": "ndjson"}
        assert (await finance.get("/v1/statements", params=only)).content == before
        for span in (SPAN, {"to": SPAN["to"]}):
            days = good(await finance.get("/v1/statements/days", params=span))["days"]
            assert days == [sealed]
        assert "days" in good(await finance.get("/v1/statements/days"))  # until today

    assert (sealed["is_sealed"], sealed["lines"], sealed["prev_sha256"]) == (
        True,
        1,
        NOTHING_BEFORE,
    )
    assert sealed["totals"] == {"CNY": {"share": 1_000, "paid": 4_000, "refunded": 0}}
    assert (await sum_of_day(ledger, day, NOTHING_BEFORE)).seal == sealed["sha256"]


async def test_days_without_a_line_are_sealed_too(ledger: Ledger, desk: Desk) -> None:
    await begin(ledger)
    async with serving(ledger, desk) as api:
        await paid(api, desk, "o-1", 5_000)
        await booked(ledger)
        (line,) = await lines_of(api)
        late = from_text(f"{line['date']}T00:00:00+08:00") + (3 * 24 + 2) * HOUR_MS
        assert await seal_days(ledger, ZONE, late) == 3
        days = good(await (await api.finance()).get("/v1/statements/days", params=SPAN))["days"]
    assert [day["lines"] for day in days] == [1, 0, 0]
    assert [day["prev_sha256"] for day in days[1:]] == [day["sha256"] for day in days[:-1]]


async def test_a_day_waits_for_what_is_not_booked_yet(ledger: Ledger, desk: Desk) -> None:
    await begin(ledger)
    async with serving(ledger, desk) as api:
        await paid(api, desk, "o-1", 5_000)
        await booked(ledger)
        (line,) = await lines_of(api)
        over = from_text(f"{line['date']}T00:00:00+08:00") + 26 * HOUR_MS
        await paid(api, desk, "o-2", 5_000)
        assert await seal_days(ledger, ZONE, over) == 0
        await booked(ledger)
        assert await seal_days(ledger, ZONE, over) == 1
        days = good(await (await api.finance()).get("/v1/statements/days", params=SPAN))["days"]
    assert days[0]["lines"] == 2


async def test_the_database_refuses_to_change_a_line(ledger: Ledger, desk: Desk) -> None:
    await begin(ledger)
    async with serving(ledger, desk) as api:
        await paid(api, desk, "o-1", 5_000)
        await booked(ledger)
    for statement in ("UPDATE statement_lines SET paid = 1", "DELETE FROM statement_lines"):
        with pytest.raises(IntegrityError):
            async with ledger.begin() as conn:
                await conn.execute(text(statement))


async def test_files_hold_the_same_lines(ledger: Ledger, desk: Desk) -> None:
    await begin(ledger)
    async with serving(ledger, desk) as api:
        await paid(api, desk, "=o-1", 5_000, 3_000)
        await booked(ledger)
        lines = await lines_of(api)
        finance = await api.finance()
        found = {
            name: await finance.get("/v1/statements", params=SPAN | {"format": name})
            for name in ("ndjson", "csv", "xlsx")
        }
    assert [orjson.loads(row) for row in found["ndjson"].content.splitlines()] == lines
    head, *rows = found["csv"].content.decode("utf-8-sig").splitlines()
    assert head.split(",") == list(lines[0])
    assert len(rows) == len(lines)
    assert rows[0].split(",")[2] == "'=o-1"  # no formula
    header, first, *_ = (
        load_workbook(io.BytesIO(found["xlsx"].content)).get_sheet_by_index(0).to_python()
    )
    assert first[header.index("list_price")] == 5_000  # a number, so that it adds up
    assert "attachment" in found["csv"].headers["content-disposition"]


async def test_a_provider_s_orders_are_matched(ledger: Ledger, desk: Desk) -> None:
    await begin(ledger)
    async with serving(ledger, desk) as api:
        for order_id in ("o-1", "o-2", "o-3"):
            await paid(api, desk, order_id, 5_000)
        await booked(ledger)
        theirs = [
            {"order": "o-1", "paid": 4_000},
            {"order": "o-2", "paid": 3_999},
            {"order": "o-9", "paid": 1, "refunded": 1},
        ]
        finance = await api.finance()
        found = good(await finance.post("/v1/statements/match", json=SPAN | {"orders": theirs}))
    assert found["equal"] == 1
    assert found["different"] == [
        {"order": "o-2", "paid": 4_000, "refunded": 0, "their_paid": 3_999, "their_refunded": 0}
    ]
    assert found["only_here"] == [{"order": "o-3", "paid": 4_000, "refunded": 0}]
    assert found["only_there"] == [{"order": "o-9", "paid": 1, "refunded": 1}]
    assert (found["different_total"], found["only_here_total"], found["only_there_total"]) == (
        1,
        1,
        1,
    )


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "2026-01-02", "to": "2026-01-01"}, "to"),
        ({"from": "2026-01-01", "to": "2027-02-05"}, "to"),
        ({"from": "yesterday", "to": "2026-01-01"}, "from"),
        ({"to": "2026-01-01"}, "from"),
        ({**SPAN, "format": "pdf"}, "format"),
        ({**SPAN, "after": "x"}, "after"),
    ],
)
async def test_a_wrong_query_is_refused(api: Api, query: dict[str, str], field: str) -> None:
    answer = await (await api.finance()).get("/v1/statements", params=query)
    assert refused(answer, 422, "invalid_field")["errors"][0]["field"] == field


async def test_an_order_that_is_named_twice_and_a_day_that_is_none_are_refused(api: Api) -> None:
    finance = await api.finance()
    twice = [{"order": "o-1", "paid": 1}, {"order": "o-1", "paid": 1}]
    answer = await finance.post("/v1/statements/match", json=SPAN | {"orders": twice})
    assert refused(answer, 422, "invalid_field")["errors"][0]["field"] == "orders.1.order"
    no_day = {"from": "2026-02-30", "to": "2026-03-01", "orders": []}
    answer = await finance.post("/v1/statements/match", json=no_day)
    assert refused(answer, 422, "invalid_field")["errors"][0]["field"] == "from"


async def test_students_and_teachers_read_no_statements(api: Api) -> None:
    for client in (await api.student(), await api.teacher(), await api.service()):
        refused(await client.get("/v1/statements", params=SPAN), 403, "wrong_role")
        refused(await client.get("/v1/statements/days", params=SPAN), 403, "wrong_role")


async def test_doctor_finds_an_order_that_does_not_add_up_and_a_day_that_was_changed(
    ledger: Ledger, desk: Desk
) -> None:
    await begin(ledger)
    async with serving(ledger, desk) as api:
        await paid(api, desk, "o-1", 5_000)
        await booked(ledger)
        (line,) = await lines_of(api)
    over = from_text(f"{line['date']}T00:00:00+08:00") + 26 * HOUR_MS
    await seal_days(ledger, ZONE, over)
    assert await check_statements(ledger) == []
    row = {**line, "seq": 1_000_000, "part": 0, "paid": 1}
    async with ledger.begin() as conn:
        await conn.execute(insert(statement_lines), [row])

    found = await check_statements(ledger)
    assert [(one.order, one.day) for one in found] == [("o-1", None), (None, line["date"])]
