"""The whole way of a coupon over HTTP, on both databases."""

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
    serving,
)
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio


async def test_from_the_template_to_the_till(ledger: Ledger, desk: Desk) -> None:
    async with serving(ledger, desk) as api:
        operator, teacher = await api.operator(), await api.teacher()
        ann, shop = await api.student(), await api.service()

        # Usable by the test's clock and by the desk's.
        validity = {"kind": "fixed", "from": "2026-03-01", "until": "2999-01-01"}
        body = a_template(validity=validity)
        template = good(await operator.post("/v1/templates", json=body), 201)
        body = a_batch(template_id=template["id"])
        batch = good(await operator.post("/v1/batches", json=body), 201)
        drops = f"/v1/rooms/{ROOM}/drops"
        drop = good(await teacher.post(drops, json=a_drop(batch_id=batch["id"])), 201)

        claims = f"/v1/drops/{drop['id']}/claims"
        assert good(await ann.post(claims, json={"request_id": "q"}))["outcome"] == "won"
        await confirm_all(api, desk)
        code = good(await ann.get("/v1/me/coupons"))["coupons"][0]["code"]

        # 50 / 30 / 30 with 10 off: the parts that design section 4 gives.
        order = an_order(5_000, 3_000, 3_000)
        quote = good(await ann.post("/v1/quotes", json={"order": order, "coupons": "best"}))
        assert (quote["payable"], quote["best"]["codes"]) == (10_000, [code])
        assert [line["discount"] for line in quote["lines"]] == [455, 273, 272]

        lock = {"order_id": "o-1", "student": "ann", "order": order, "coupons": [code]}
        locked = good(await shop.post("/v1/redemptions", json=lock), 201)
        redemption = f"/v1/redemptions/{locked['id']}"
        paid = good(await shop.post(f"{redemption}/confirm", json={"payment_ref": "p-1"}))
        assert (paid["state"], paid["payment_ref"]) == ("redeemed", "p-1")

        shown = good(await teacher.get(f"{drops}/{drop['id']}"))
        assert (shown["redeemed"], shown["gmv"], shown["discount_total"]) == (1, 10_000, 1_000)
        assert shown["difference"] == 0
