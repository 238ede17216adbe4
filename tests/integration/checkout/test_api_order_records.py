"""The record of an order and of a coupon, for operators and finance."""

import pytest

from server.ledger.engine import Ledger
from tests.support.builders.api import (
    ROOM,
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


async def test_everything_that_became_of_an_order_and_its_coupon(
    ledger: Ledger, desk: Desk
) -> None:
    async with serving(ledger, desk) as api:
        operator, teacher, finance = await api.operator(), await api.teacher(), await api.finance()
        ann, shop = await api.student(), await api.service()
        returns = {"after_refund": "back"}
        validity = {"kind": "fixed", "from": "2026-03-01", "until": "2999-01-01"}
        body = a_template(validity=validity, returns=returns)
        template = good(await operator.post("/v1/templates", json=body), 201)
        batch_body = a_batch(template_id=template["id"])
        batch = good(await operator.post("/v1/batches", json=batch_body), 201)
        drop_body = a_drop(batch_id=batch["id"])
        drop = good(await teacher.post(f"/v1/rooms/{ROOM}/drops", json=drop_body), 201)
        await ann.post(f"/v1/drops/{drop['id']}/claims", json={"request_id": "q"})
        await confirm_all(api, desk)
        code = good(await ann.get("/v1/me/coupons"))["coupons"][0]["code"]
        order = an_order(5_000, 3_000, 3_000)
        order["lines"][0]["list_price"] = 6_000
        lock = {"order_id": "o-1", "student": "ann", "order": order, "coupons": [code]}
        locked = good(await shop.post("/v1/redemptions", json=lock), 201)
        good(await shop.post(f"/v1/redemptions/{locked['id']}/confirm", json={}))
        part = {"refund_id": "r1", "lines": [{"id": order["lines"][1]["id"]}]}
        good(await shop.post("/v1/orders/o-1/refunds", json=part), 201)
        good(await shop.post("/v1/orders/o-1/refunds", json={"refund_id": "r2"}), 201)

        record = good(await finance.get("/v1/orders/o-1"))
        by_shop = good(await shop.get("/v1/orders/o-1"))
        coupon = good(await operator.get(f"/v1/coupons/{code.lower().replace('-', ' ')}"))

    assert by_shop == record
    assert (record["list_total"], record["redemption"]["subtotal"]) == (12_000, 11_000)
    assert [line["discount"] for line in record["lines"]] == [455, 273, 272]
    assert [line["refunded"] for line in record["lines"]] == [4_545, 2_727, 2_728]
    assert record["redemption"]["refunded"] == record["redemption"]["payable"] == 10_000
    (used,) = record["coupons"]
    assert (used["discount"], used["coupon"]) == (1_000, coupon)
    assert [move["event"] for move in coupon["history"]] == ["locked", "paid", "given_back"]
    assert [move.get("order_id") for move in coupon["history"]] == ["o-1", None, None]
    assert (coupon["state"], coupon["student"], coupon["source"]) == ("usable", "ann", "claim")
    assert {"won_at", "created_at", "redeemed_at"} <= coupon.keys()
    assert coupon["template"]["version"] == 1


async def test_what_is_not_there_is_not_found(ledger: Ledger, desk: Desk) -> None:
    async with serving(ledger, desk) as api:
        operator = await api.operator()
        for path in ("/v1/orders/none", "/v1/coupons/NONE"):
            refused(await operator.get(path), 404, "not_found")


async def test_students_and_teachers_do_not_read_records(ledger: Ledger, desk: Desk) -> None:
    async with serving(ledger, desk) as api:
        for client in (await api.student(), await api.teacher()):
            for path in ("/v1/orders/o-1", "/v1/coupons/A"):
                refused(await client.get(path), 403, "wrong_role")
