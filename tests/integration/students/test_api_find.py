"""GET /v1/find: one text finds an id of any kind, a code, an order, a student."""

import pytest

from server.core.identity import Role
from server.core.students.find import KINDS_BY_PREFIX
from server.ledger.engine import Ledger
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


async def _story(api: Api, desk: Desk) -> Json:
    """Let ann win a coupon and lock it on order A/1; make codes. Return the names of all that is there."""
    operator, teacher, ann = await api.operator(), await api.teacher(), await api.student()
    shop = await api.service()
    validity = {"kind": "fixed", "from": "2026-03-01", "until": "2999-01-01"}
    template = good(await operator.post("/v1/templates", json=a_template(validity=validity)), 201)
    batch = good(await operator.post("/v1/batches", json=a_batch(template_id=template["id"])), 201)
    drop = good(
        await teacher.post(f"/v1/rooms/{ROOM}/drops", json=a_drop(batch_id=batch["id"])), 201
    )
    won = await ann.post(f"/v1/drops/{drop['id']}/claims", json={"request_id": "q"})
    await confirm_all(api, desk)
    coupon = good(await ann.get("/v1/me/coupons"))["coupons"][0]
    lock = {"order_id": "A/1", "student": "ann", "order": an_order(20_000)}
    order = good(
        await shop.post("/v1/redemptions", json={**lock, "coupons": [coupon["code"]]}), 201
    )
    good(await shop.post(f"/v1/redemptions/{order['id']}/confirm", json={"payment_ref": "wx-77"}))
    good(await operator.post(f"/v1/batches/{batch['id']}/codes", json={"quantity": 1}), 201)
    codes = good(await operator.get(f"/v1/batches/{batch['id']}/codes"))["codes"]
    people = [{"id": "anna", "name": "Anna Li"}, {"id": "bob", "name": "Bob"}]
    good(await shop.post("/v1/students", json={"students": people}))
    return {
        **{"template": template, "batch": batch, "drop": drop, "coupon": coupon},
        **{"order": order, "won": good(won), "unbound": codes[0]["code"]},
    }


async def test_one_field_finds_whatever_it_names(ledger: Ledger, desk: Desk) -> None:
    async with serving(ledger, desk) as api:
        made = await _story(api, desk)
        operator = await api.operator()

        async def found(text: str) -> list[tuple[str, str]]:
            answer = good(await operator.get("/v1/find", params={"q": text}))
            return [(each["kind"], each["id"]) for each in answer["found"]]

        ids = [await found(made[name]["id"]) for name in ("template", "batch", "drop")]
        as_typed = made["coupon"]["code"].lower().replace("-", " ")
        of_coupon = [await found(text) for text in (made["coupon"]["id"], as_typed)]
        of_order = [await found(text) for text in (made["order"]["id"], "A/1", " wx-77 ")]
        by_name, by_id = await found("anna l"), await found("ann")
        room, nothing = await found(ROOM), await found("no-such-thing")
        unbound = await found(made["unbound"])
        coupon = good(await operator.get("/v1/find", params={"q": as_typed}))["found"][0]

    assert ids == [[(name, made[name]["id"])] for name in ("template", "batch", "drop")]
    assert of_coupon == [[("coupon", made["coupon"]["id"])]] * 2
    assert of_order == [[("order", "A/1")]] * 3
    assert by_name == [("student", "anna")]
    assert by_id == [("student", "ann"), ("student", "anna")]
    assert room == [("room", ROOM)]
    assert nothing == []
    assert [kind for kind, _ in unbound] == ["coupon"]
    assert (coupon["student"], coupon["state"], coupon["code"]) == (
        *("ann", "redeemed"),
        made["coupon"]["code"],
    )


async def test_support_and_finance_are_not_led_to_codes_that_nobody_has(
    ledger: Ledger, desk: Desk
) -> None:
    async with serving(ledger, desk) as api:
        made = await _story(api, desk)
        support = await api.as_(Role.SUPPORT, "sue")
        sees = {}
        for name, client in (("finance", await api.finance()), ("support", support)):
            texts = (made["unbound"], made["drop"]["id"], made["coupon"]["code"])
            answers = [await client.get("/v1/find", params={"q": text}) for text in texts]
            sees[name] = [len(good(each)["found"]) for each in answers]

    assert sees == {"finance": [0, 1, 1], "support": [0, 0, 1]}


async def test_a_price_rule_is_found(api: Api) -> None:
    operator = await api.operator()
    form = {"courses": ["algebra"], "max_depth_percent": 50}
    rule = good(await operator.post("/v1/price-rules", json=form), 201)["id"]

    found = good(await operator.get("/v1/find", params={"q": rule}))["found"]

    assert found == [{"kind": "price_rule", "id": rule}]


async def test_an_id_of_every_kind_may_be_asked_for(ledger: Ledger, desk: Desk) -> None:
    async with serving(ledger, desk) as api:
        operator = await api.operator()
        for prefix in KINDS_BY_PREFIX:
            answer = await operator.get(
                "/v1/find", params={"q": f"{prefix}_0123456789abcdefghijkl"}
            )
            assert good(answer)["found"] == []


async def test_wrong_texts_are_refused_and_blank_ones_find_nothing(api: Api) -> None:
    operator = await api.operator()
    for query in ("", "?q=", f"?q={'x' * 65}"):
        refused(await operator.get(f"/v1/find{query}"), 422, "invalid_field")
    assert good(await operator.get("/v1/find?q=%20"))["found"] == []
