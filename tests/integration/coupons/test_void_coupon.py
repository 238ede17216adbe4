"""An operator takes one coupon out of use, whoever has it."""

import pytest

from server.desk.shards.desk_audit import DeskAudit
from server.flows.consistency.checks.ledger_checks import (
    check_batch_counters,
    check_budgets,
    check_drops,
)
from server.ledger.engine import Ledger
from tests.support.builders.api import (
    Api,
    Json,
    a_batch,
    a_template,
    an_order,
    confirm_all,
    good,
    refused,
    serving,
)
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio
WHY = {"reason": "given by mistake"}


async def _given(api: Api, students: list[str], **batch: object) -> list[str]:
    """Give a coupon of one batch to each student; return their codes, in the students' order."""
    operator = await api.operator()
    validity = {"kind": "fixed", "from": "2026-03-01", "until": "2999-01-01"}
    template = good(await operator.post("/v1/templates", json=a_template(validity=validity)), 201)
    form = a_batch(template_id=template["id"], **batch)
    made = good(await operator.post("/v1/batches", json=form), 201)
    issue = {"batch_id": made["id"], "students": students, "reason": "gift"}
    good(await operator.post("/v1/issuances", json=issue))
    wallets = [await (await api.student(name)).get("/v1/me/coupons") for name in students]
    return [good(wallet)["coupons"][0]["code"] for wallet in wallets]


async def _campaign(api: Api) -> str:
    form = {
        "name": "spring",
        "purpose": "back to school",
        "starts_at": "2026-02-01",
        "ends_at": "2999-01-01",
        "budget": {"pieces": 5},
    }
    return str(good(await (await api.operator()).post("/v1/campaigns", json=form), 201)["id"])


async def test_a_voided_coupon_is_gone_from_use_and_its_budget_is_free(
    ledger: Ledger, desk: Desk
) -> None:
    async with serving(ledger, desk) as api:
        campaign = await _campaign(api)
        (code,) = await _given(api, ["ann"], campaign_id=campaign)
        operator, ann = await api.operator(), await api.student()

        async def free() -> int:
            shown = good(await operator.get(f"/v1/campaigns/{campaign}"))
            return int(shown["budget"]["pieces"]["free"])

        before = await free()
        voided = good(await operator.post(f"/v1/coupons/{code.lower()}/void", json=WHY))
        again = good(await operator.post(f"/v1/coupons/{code}/void", json=WHY))
        after = await free()
        wallet = good(await ann.get("/v1/me/coupons"))["coupons"]
        acts = good(await operator.get(f"/v1/acts?subject={voided['id']}"))["acts"]
        listed: Json = good(await operator.get("/v1/coupons?state=revoked"))

    assert voided == again
    assert voided["state"] == "revoked"
    assert [move["event"] for move in voided["history"]] == ["voided"]
    assert (before, after) == (4, 5)
    assert [each["state"] for each in wallet] == ["revoked"]
    assert [(act["action"], act["detail"]["reason"]) for act in acts] == [
        ("coupon.voided", WHY["reason"])
    ]
    assert [each["code"] for each in listed["coupons"]] == [code]


async def test_a_claimed_coupon_keeps_its_unit_and_all_books_add_up(
    ledger: Ledger, desk: Desk
) -> None:
    async with serving(ledger, desk) as api:
        campaign = await _campaign(api)
        batch = await api.made_batch(campaign_id=campaign)
        drop = await api.made_drop(batch_id=batch["id"], quantity=2)
        ann, operator = await api.student(), await api.operator()
        await ann.post(f"/v1/drops/{drop['id']}/claims", json={"request_id": "q"})
        await confirm_all(api, desk)
        code = good(await ann.get("/v1/me/coupons"))["coupons"][0]["code"]
        good(await operator.post(f"/v1/coupons/{code}/void", json=WHY))
        shown = good(await operator.get(f"/v1/campaigns/{campaign}"))
    audit = DeskAudit(desk.redis, desk.prefix)
    wrong = [
        *await check_budgets(ledger),
        *await check_drops(ledger, audit),
        *await check_batch_counters(ledger),
    ]

    assert shown["budget"]["pieces"]["free"] == 4  # the other unit of the drop is still exposed
    assert wrong == []


async def test_a_coupon_that_an_order_holds_or_has_used_stays(ledger: Ledger, desk: Desk) -> None:
    async with serving(ledger, desk) as api:
        (code,) = await _given(api, ["ann"])
        operator, shop = await api.operator(), await api.service()
        lock = {"order_id": "o-1", "student": "ann", "order": an_order(20_000), "coupons": [code]}
        locked = good(await shop.post("/v1/redemptions", json=lock), 201)
        path = f"/v1/coupons/{code}/void"
        refused(await operator.post(path, json=WHY), 409, "coupon_locked")
        good(await shop.post(f"/v1/redemptions/{locked['id']}/confirm", json={}))
        used = refused(await operator.post(path, json=WHY), 409, "wrong_state")
        refused(await operator.post("/v1/coupons/NONE/void", json=WHY), 404, "not_found")
        shown = good(await operator.get(f"/v1/coupons/{code}"))

    assert used["state"] == shown["state"] == "redeemed"
