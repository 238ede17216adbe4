import asyncio
from urllib.parse import quote

import pytest

from tests.support.builders.api import Api, Json, an_order, field_errors, good, refused
from tests.support.builders.coupon_rows import give_coupon
from tests.support.builders.money import DAY_MS

pytestmark = pytest.mark.asyncio


def _lock(code: str, **change: object) -> Json:
    return {
        "order_id": "o-1",
        "student": "ann",
        "order": an_order(20_000),
        "coupons": [code],
        **change,
    }


async def _given(api: Api, number: int = 1, student: str = "ann") -> str:
    return await give_coupon(api.parts.ledger, number, student)


async def test_a_wallet_shows_what_a_student_has(api: Api) -> None:
    code = await _given(api)
    await _given(api, 2, "bob")
    wallet = good(await (await api.student()).get("/v1/me/coupons"))
    (coupon,) = wallet["coupons"]
    assert (coupon["code"], coupon["state"]) == (code, "usable")
    assert coupon["template"]["currency"] == "CNY"
    assert coupon["use_by"] == coupon["valid_until"]
    assert "drop_id" not in coupon
    assert (wallet["pending"], wallet["next"]) == ([], None)


async def test_a_wallet_is_seen_by_state(api: Api) -> None:
    await _given(api)
    ann = await api.student()
    assert len(good(await ann.get("/v1/me/coupons?state=usable"))["coupons"]) == 1
    api.clock.now += 2 * DAY_MS
    later = await api.student(ttl_s=7 * 86_400)
    assert good(await later.get("/v1/me/coupons?state=usable"))["coupons"] == []
    assert len(good(await later.get("/v1/me/coupons?state=expired"))["coupons"]) == 1
    assert field_errors(await later.get("/v1/me/coupons?state=lost")) == [
        ("state", "unknown_value")
    ]


async def test_a_wallet_has_pages(api: Api) -> None:
    codes = {await _given(api, number) for number in range(1, 4)}
    ann = await api.student()
    first = good(await ann.get("/v1/me/coupons?limit=2"))
    rest = good(await ann.get("/v1/me/coupons", params={"limit": 2, "after": str(first["next"])}))
    shown = [*first["coupons"], *rest["coupons"]]
    assert {coupon["code"] for coupon in shown} == codes
    assert rest["next"] is None


async def test_a_quote_lists_what_is_usable_and_what_is_not(api: Api) -> None:
    code = await _given(api)
    body = {"order": an_order(20_000), "coupons": ["NOT-MINE"]}
    quoted = good(await (await api.student()).post("/v1/quotes", json=body))
    assert (quoted["subtotal"], quoted["discount"]) == (20_000, 0)
    assert [each["code"] for each in quoted["usable"]] == [code]
    assert quoted["unusable"] == [{"code": "NOT-MINE", "reason": "unknown"}]


async def test_a_student_asks_for_themselves_and_the_shop_for_anybody(api: Api) -> None:
    await _given(api)
    body = {"order": an_order(20_000), "student": "ann", "coupons": "best"}
    eve = await api.student("eve")
    refused(await eve.post("/v1/quotes", json=body), 403, "wrong_role")
    assert good(await (await api.service()).post("/v1/quotes", json=body))["applied"]
    nobody = {**body, "student": None}
    assert good(await (await api.service()).post("/v1/quotes", json=nobody))["applied"] == []


async def test_a_lock_is_replaced_by_its_order_under_the_same_id(api: Api) -> None:
    first, second = await _given(api, 1), await _given(api, 2)
    shop = await api.service()
    locked = good(await shop.post("/v1/redemptions", json=_lock(first)), 201)
    again = good(await shop.post("/v1/redemptions", json=_lock(second)), 201)
    assert (again["id"], again["state"]) == (locked["id"], "locked")
    assert [coupon["code"] for coupon in again["coupons"]] == [second]
    found = good(await shop.get("/v1/redemptions", params={"order_id": "o-1"}))
    assert found == again == good(await shop.get(f"/v1/redemptions/{locked['id']}"))


async def test_a_lock_keeps_its_metadata_and_the_next_lock_replaces_it(api: Api) -> None:
    code, shop = await _given(api), await api.service()
    body = _lock(code, metadata={"till": "web"})
    locked = good(await shop.post("/v1/redemptions", json=body), 201)
    assert locked["metadata"] == {"till": "web"}
    assert good(await shop.get(f"/v1/redemptions/{locked['id']}")) == locked
    assert good(await shop.get("/v1/redemptions", params={"order_id": "o-1"})) == locked
    again = good(await shop.post("/v1/redemptions", json=_lock(code)), 201)
    assert (again["metadata"], again["version"]) == ({}, locked["version"])
    other = _lock(code, metadata={"till": "app"})
    good(await shop.post("/v1/redemptions", json=other), 201)
    paid = good(await shop.post(f"/v1/redemptions/{locked['id']}/confirm", json={}))
    assert (paid["state"], paid["metadata"]) == ("redeemed", {"till": "app"})


async def test_a_lock_with_too_much_metadata_is_refused(api: Api) -> None:
    code, shop = await _given(api), await api.service()
    body = _lock(code, metadata={f"k{number}": "" for number in range(21)})
    answer = await shop.post("/v1/redemptions", json=body)
    assert answer.status_code == 422
    assert [field for field, _ in field_errors(answer)] == ["metadata"]
    assert (await api.row_counts())["redemptions"] == 0


async def test_one_coupon_goes_on_one_order(api: Api) -> None:
    code, shop = await _given(api), await api.service()
    answers = await asyncio.gather(
        *(shop.post("/v1/redemptions", json=_lock(code, order_id=f"o-{n}")) for n in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    late = next(answer for answer in answers if answer.status_code == 409)
    assert refused(late, 409, "coupon_locked")["coupons"] == [{"code": code, "reason": "locked"}]


async def test_a_bad_coupon_refuses_all(api: Api) -> None:
    code, shop = await _given(api), await api.service()
    answer = await shop.post("/v1/redemptions", json=_lock(code, coupons=[code, "NOPE"]))
    assert refused(answer, 409, "coupon_unusable")["coupons"] == [
        {"code": "NOPE", "reason": "unknown"}
    ]
    assert (await api.row_counts())["redemptions"] == 0


async def test_another_total_than_was_shown_is_refused(api: Api) -> None:
    code, shop = await _given(api), await api.service()
    answer = await shop.post("/v1/redemptions", json=_lock(code, expected_payable=1))
    assert int(str(refused(answer, 409, "total_changed")["payable"])) > 1


async def _paid(api: Api) -> str:
    """The code on order o-1, which costs 20000 less 1000."""
    code, shop = await _given(api), await api.service()
    locked = good(await shop.post("/v1/redemptions", json=_lock(code)), 201)
    good(await shop.post(f"/v1/redemptions/{locked['id']}/confirm", json={}))
    return code


async def test_a_refund_says_what_goes_back(api: Api) -> None:
    code = await _paid(api)
    shop = await api.service()
    body = {"refund_id": "r-1", "lines": [{"id": "0", "amount": 5000}]}
    made = good(await shop.post("/v1/orders/o-1/refunds", json=body), 201)
    left = {"id": "0", "refunded": 5000, "quantity": 0, "refundable": 14_000}
    assert (made["refunded"], made["charged_back"], made["total"]) == (5000, 0, 5000)
    assert (made["lines"], made["coupons"]) == ([left], [{"code": code, "state": "redeemed"}])
    assert good(await shop.post("/v1/orders/o-1/refunds", json=body), 201) == made
    shown = good(await shop.get("/v1/redemptions", params={"order_id": "o-1"}))
    assert (shown["refunded"], shown["refunds"]) == (5000, [made])


async def test_a_refund_keeps_the_metadata_of_its_first_request(api: Api) -> None:
    await _paid(api)
    shop, path = await api.service(), "/v1/orders/o-1/refunds"
    body = {"refund_id": "r-1", "metadata": {"ticket": "77"}}
    previewed = good(await shop.post(path, json={**body, "preview": True}))
    made = good(await shop.post(path, json=body), 201)
    assert previewed["metadata"] == made["metadata"] == {"ticket": "77"}
    repeated = {**body, "metadata": {"ticket": "78"}}
    assert good(await shop.post(path, json=repeated), 201) == made
    shown = good(await shop.get("/v1/redemptions", params={"order_id": "o-1"}))
    assert (shown["refunds"], shown["metadata"]) == ([made], {})


async def test_a_refund_with_too_much_metadata_is_refused(api: Api) -> None:
    await _paid(api)
    shop, before = await api.service(), await api.row_counts()
    body = {"refund_id": "r-1", "metadata": {f"k{number}": "" for number in range(21)}}
    answer = await shop.post("/v1/orders/o-1/refunds", json=body)
    assert answer.status_code == 422
    assert [field for field, _ in field_errors(answer)] == ["metadata"]
    assert await api.row_counts() == before


async def test_a_refund_without_lines_is_all_that_is_left(api: Api) -> None:
    await _paid(api)
    shop = await api.service()
    made = good(await shop.post("/v1/orders/o-1/refunds", json={"refund_id": "r-1"}), 201)
    assert made["refunded"] == 19_000
    answer = await shop.post("/v1/orders/o-1/refunds", json={"refund_id": "r-2"})
    assert refused(answer, 409, "refund_too_large")["lines"] == []


async def test_a_refund_of_no_lines_is_refused(api: Api) -> None:
    await _paid(api)
    shop = await api.service()
    body = {"refund_id": "r-1", "lines": []}
    for preview in (False, True):
        answer = await shop.post("/v1/orders/o-1/refunds", json={**body, "preview": preview})
        assert field_errors(answer) == [("lines", "empty")]
    assert (await api.row_counts())["refunds"] == 0


async def test_a_preview_says_what_a_refund_comes_to_and_changes_nothing(api: Api) -> None:
    await _paid(api)
    shop, path = await api.service(), "/v1/orders/o-1/refunds"
    body = {"refund_id": "r-1", "lines": [{"id": "0", "amount": 5000}]}
    before = await api.row_counts()
    seen = good(await shop.post(path, json={**body, "preview": True}), 200)
    assert await api.row_counts() == before
    made = good(await shop.post(path, json=body), 201)
    assert {**seen, "created_at": 0} == {**made, "created_at": 0}
    too_much = {"refund_id": "r-2", "lines": [{"id": "0", "amount": 14_001}], "preview": True}
    refused(await shop.post(path, json=too_much), 409, "refund_too_large")


async def test_a_bad_refund_names_its_field_and_changes_nothing(api: Api) -> None:
    await _paid(api)
    shop = await api.service()
    for line, field, code in (
        ({"id": "0", "quantity": 0}, "lines.0.quantity", "too_small"),
        ({"id": "0", "quantity": 1, "amount": 1}, "lines.0.amount", "one_of_two"),
        ({"id": "9"}, "lines.0.id", "unknown"),
        ({}, "lines.0.id", "missing"),
    ):
        body = {"refund_id": "r-1", "lines": [line]}
        answer = await shop.post("/v1/orders/o-1/refunds", json=body)
        assert field_errors(answer) == [(field, code)]
    assert (await api.row_counts())["refunds"] == 0


async def test_no_student_and_no_teacher_pays_back(api: Api) -> None:
    await _paid(api)
    for caller in (await api.student(), await api.teacher()):
        answer = await caller.post("/v1/orders/o-1/refunds", json={"refund_id": "r-1"})
        refused(answer, 403, "wrong_role")
    shop = await api.service()
    answer = await shop.post("/v1/orders/o-9/refunds", json={"refund_id": "r-1"})
    refused(answer, 404, "not_found")


async def test_an_order_may_be_named_as_the_school_likes(api: Api) -> None:
    shop, name = await api.service(), "No. 7 ä?#"
    locked = good(
        await shop.post("/v1/redemptions", json=_lock("", order_id=name, coupons=[])), 201
    )
    good(await shop.post(f"/v1/redemptions/{locked['id']}/confirm", json={}))
    path = f"/v1/orders/{quote(name)}/refunds"
    assert good(await shop.post(path, json={"refund_id": "r-1"}), 201)["refunded"] == 20_000


async def test_an_order_may_ask_for_less_time_to_pay(api: Api) -> None:
    shop = await api.service()
    answer = await shop.post("/v1/redemptions", json=_lock("", coupons=[], lock_seconds=901))
    assert field_errors(answer) == [("lock_seconds", "too_large")]
    answer = await shop.post("/v1/redemptions", json=_lock("", coupons=[], lock_seconds=60))
    assert good(answer, 201)["state"] == "locked"


async def test_payment_and_cancelling_may_be_sent_again(api: Api) -> None:
    code, shop = await _given(api), await api.service()
    locked = good(await shop.post("/v1/redemptions", json=_lock(code)), 201)
    path = f"/v1/redemptions/{locked['id']}"
    paid_at = "2026-03-01T08:59:00.000Z"
    for _ in range(2):
        paid = good(await shop.post(f"{path}/confirm", json={"paid_at": paid_at}))
        assert (paid["state"], paid["paid_at"]) == ("redeemed", paid_at)
    refused(await shop.post(f"{path}/cancel"), 409, "wrong_state")


async def test_payment_needs_no_body(api: Api) -> None:
    code, shop = await _given(api), await api.service()
    locked = good(await shop.post("/v1/redemptions", json=_lock(code)), 201)
    paid = good(await shop.post(f"/v1/redemptions/{locked['id']}/confirm"))
    assert paid["paid_at"] == "2026-03-01T09:00:00.000Z"


async def test_a_cancelled_order_frees_its_coupons(api: Api) -> None:
    code, shop = await _given(api), await api.service()
    locked = good(await shop.post("/v1/redemptions", json=_lock(code)), 201)
    for _ in range(2):
        gone = good(await shop.post(f"/v1/redemptions/{locked['id']}/cancel"))
        assert gone["state"] == "cancelled"
    assert good(await shop.post("/v1/redemptions", json=_lock(code, order_id="o-2")), 201)


async def test_finance_reads_redemptions(api: Api) -> None:
    code, shop = await _given(api), await api.service()
    locked = good(await shop.post("/v1/redemptions", json=_lock(code)), 201)
    finance, path = await api.finance(), f"/v1/redemptions/{locked['id']}"
    assert good(await finance.get(path)) == locked
    refused(await finance.post(f"{path}/confirm"), 403, "wrong_role")


async def test_an_order_nobody_locked_is_not_found(api: Api) -> None:
    shop = await api.service()
    refused(await shop.get("/v1/redemptions?order_id=o-9"), 404, "not_found")
    assert field_errors(await shop.get("/v1/redemptions")) == [("order_id", "missing")]
