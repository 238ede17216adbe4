"""The lists of orders and of coupons: filters, pages and who sees what."""

import pytest

from server.ledger.bounded_pages import Cursor, page_of_ids
from server.ledger.engine import Ledger
from server.ledger.tables import redemptions
from tests.support.builders.api import (
    ROOM,
    Api,
    Json,
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
FIXED = {"kind": "fixed", "from": "2026-03-01", "until": "2999-01-01"}


async def _paid_order(api: Api, desk: Desk) -> Json:
    """Let ann claim a coupon, pay order o-1 with it and get a part back; return its batch, drop and code."""
    operator, teacher, ann = await api.operator(), await api.teacher(), await api.student()
    template = good(await operator.post("/v1/templates", json=a_template(validity=FIXED)), 201)
    batch = good(await operator.post("/v1/batches", json=a_batch(template_id=template["id"])), 201)
    form = a_drop(batch_id=batch["id"])
    drop = good(await teacher.post(f"/v1/rooms/{ROOM}/drops", json=form), 201)
    await ann.post(f"/v1/drops/{drop['id']}/claims", json={"request_id": "q"})
    await confirm_all(api, desk)
    code = good(await ann.get("/v1/me/coupons"))["coupons"][0]["code"]
    locked = await _locked(api, "o-1", "ann", code)
    shop = await api.service()
    good(await shop.post(f"/v1/redemptions/{locked['id']}/confirm", json={"payment_ref": "wx"}))
    line = {"id": an_order(20_000)["lines"][0]["id"], "amount": 500}
    refund = {"refund_id": "r1", "lines": [line]}
    good(await shop.post("/v1/orders/o-1/refunds", json=refund), 201)
    return {"batch": batch["id"], "drop": drop["id"], "code": code}


async def _locked(api: Api, order_id: str, student: str, *codes: str) -> Json:
    lock = {"order_id": order_id, "student": student, "coupons": list(codes)}
    answer = await (await api.service()).post(
        "/v1/redemptions", json={**lock, "order": an_order(20_000)}
    )
    return good(answer, 201)


async def test_orders_and_coupons_are_found_by_each_filter(ledger: Ledger, desk: Desk) -> None:
    async with serving(ledger, desk) as api:
        made = await _paid_order(api, desk)
        await _locked(api, "o-2", "bob")
        finance = await api.finance()

        async def orders(query: str) -> list[str]:
            found = good(await finance.get(f"/v1/orders?{query}"))
            return [each["order_id"] for each in found["orders"]]

        async def coupons(query: str) -> list[str]:
            found = good(await finance.get(f"/v1/coupons?{query}"))
            return [each["code"] for each in found["coupons"]]

        both = await orders("")
        one = [
            await orders(q) for q in ("student=ann", "state=redeemed", f"batch_id={made['batch']}")
        ]
        other = [await orders(q) for q in ("student=bob", "state=locked")]
        none = [await orders(q) for q in ("student=eve", "state=expired", "to=2000-01-01")]
        since = await orders("from=2000-01-01")
        names = [f"batch_id={made['batch']}", f"drop_id={made['drop']}", "student=ann"]
        of_coupon = [await coupons(q) for q in (*names, "state=redeemed", "source=claim", "")]
        no_coupon = [
            await coupons(q)
            for q in (
                "state=usable",
                "source=list",
                "campaign_id=cmp_1",
                "student=bob&state=redeemed",
            )
        ]
        order = good(await finance.get("/v1/orders?student=ann"))["orders"][0]
        coupon = good(await finance.get("/v1/coupons"))["coupons"][0]

    assert both == since == ["o-2", "o-1"]
    assert one == [["o-1"]] * 3
    assert other == [["o-2"]] * 2
    assert none == [[]] * 3
    assert of_coupon == [[made["code"]]] * 6
    assert no_coupon == [[]] * 4
    assert (order["codes"], order["refunded"], order["payment_ref"]) == ([made["code"]], 500, "wx")
    assert (order["subtotal"], order["discount"], order["payable"]) == (20_000, 1_000, 19_000)
    assert (coupon["order_id"], coupon["student"], coupon["state"]) == ("o-1", "ann", "redeemed")
    assert coupon["drop_id"] == made["drop"]


async def test_pages_follow_each_other_newest_first(ledger: Ledger, desk: Desk) -> None:
    async with serving(ledger, desk) as api:
        for number in range(5):
            await _locked(api, f"o-{number}", "ann")
        operator = await api.operator()
        seen: list[str] = []
        after = ""
        for _ in range(3):
            page = good(await operator.get(f"/v1/orders?limit=2{after}"))
            seen += [each["order_id"] for each in page["orders"]]
            after = f"&after={page['next']}"

    assert seen == ["o-4", "o-3", "o-2", "o-1", "o-0"]
    assert page["next"] is None


async def test_a_page_looks_at_a_bounded_number_of_rows_and_goes_on_behind_them(
    ledger: Ledger, desk: Desk
) -> None:
    """Whatever a filter matches: with two rows looked at, an order four rows back is on the third page."""
    async with serving(ledger, desk) as api:
        for number, student in enumerate(["ann", "bob", "bob", "bob", "bob"]):
            await _locked(api, f"o-{number}", student)
    sizes = []
    cursor = Cursor(10)
    async with ledger.read() as conn:
        while True:
            page = await page_of_ids(
                conn, redemptions, [], lambda columns: [columns.student == "ann"], cursor, 2
            )
            sizes.append(len(page.ids))
            if page.next is None:
                break
            cursor = Cursor(10, page.next)

    assert sizes == [0, 0, 1]


async def test_only_operators_see_codes_that_nobody_has(ledger: Ledger, desk: Desk) -> None:
    async with serving(ledger, desk) as api:
        operator, finance = await api.operator(), await api.finance()
        batch = await api.made_batch()
        good(await operator.post(f"/v1/batches/{batch['id']}/codes", json={"quantity": 2}), 201)
        path = f"/v1/coupons?batch_id={batch['id']}&source=list"
        seen = [len(good(await each.get(path))["coupons"]) for each in (operator, finance)]

    assert seen == [2, 0]


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/coupons", "/v1/acts"])
async def test_a_span_that_ends_before_it_begins_is_refused(api: Api, path: str) -> None:
    answer = await (await api.operator()).get(f"{path}?from=2026-03-02&to=2026-03-01")
    problem = refused(answer, 422, "invalid_field")
    assert problem["errors"] == [{"field": "to", "code": "too_small"}]


@pytest.mark.parametrize(
    "query", ["state=gone", "from=soon", "to=x", "after=a-b", "limit=0", "student=a%20b"]
)
@pytest.mark.parametrize("path", ["/v1/orders", "/v1/coupons"])
async def test_a_wrong_filter_is_refused_by_its_name(api: Api, path: str, query: str) -> None:
    answer = await (await api.operator()).get(f"{path}?{query}")
    problem = refused(answer, 422, "invalid_field")
    assert [each["field"] for each in problem["errors"]] == [query.partition("=")[0]]
