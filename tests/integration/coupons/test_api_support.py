"""Support: finds what a student asks about, gives a few coupons a day, and changes nothing else."""

import asyncio

import pytest

from server.core.identity import Role
from server.ledger.coupons import support_days
from server.ledger.engine import Ledger
from tests.support.builders.api import (
    Api,
    Json,
    a_batch,
    a_template,
    good,
    refused,
    serving,
    with_parts,
)
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio
FIXED = {"kind": "fixed", "from": "2026-03-01", "until": "2999-01-01"}


async def _batch(api: Api) -> str:
    operator = await api.operator()
    template = good(await operator.post("/v1/templates", json=a_template(validity=FIXED)), 201)
    made = await operator.post("/v1/batches", json=a_batch(template_id=template["id"]))
    return str(good(made, 201)["id"])


def _issue(batch: str, *students: str, **more: object) -> Json:
    return {"batch_id": batch, "students": list(students), "reason": "sorry", **more}


async def test_support_gives_coupons_up_to_its_limit_of_the_day(ledger: Ledger, desk: Desk) -> None:
    async with serving(ledger, desk) as served:
        api = with_parts(served, support_a_day=3)
        batch = await _batch(api)
        sue, tom = await api.as_(Role.SUPPORT, "sue"), await api.as_(Role.SUPPORT, "tom")
        first = good(await sue.post("/v1/issuances", json=_issue(batch, "ann", "bob")))
        key = {"Idempotency-Key": "once"}
        given = await sue.post("/v1/issuances", json=_issue(batch, "cy"), headers=key)
        again = await sue.post("/v1/issuances", json=_issue(batch, "cy"), headers=key)
        over = refused(
            await sue.post("/v1/issuances", json=_issue(batch, "dan")), 409, "support_limit"
        )
        by_tom = good(await tom.post("/v1/issuances", json=_issue(batch, "eve")))
        api.clock.now += 86_400_000
        fresh = await api.as_(Role.SUPPORT, "sue", exp=api.clock.now // 1000 + 60)
        next_day = good(await fresh.post("/v1/issuances", json=_issue(batch, "dan")))

    assert (first["issued"], by_tom["issued"], next_day["issued"]) == (2, 1, 1)
    assert good(given)["id"] == good(again)["id"]  # and it is counted once
    assert (over["most"], over["used"]) == (3, 3)


async def test_two_requests_at_once_do_not_both_take_what_is_left(ledger: Ledger) -> None:
    async def take(coupons: int) -> bool:
        async with ledger.begin() as conn:
            return await support_days.take(conn, "sue", "2026-03-01", coupons, 5)

    taken = await asyncio.gather(*(take(2) for _ in range(4)))
    async with ledger.read() as conn:
        given = await support_days.given(conn, "sue", "2026-03-01")

    assert sorted(taken) == [False, False, True, True]
    assert given == 4


@pytest.mark.parametrize(
    "more",
    [
        {"pack_id": "pck_1", "batch_id": None},
        {"audience_id": "aud_1", "students": None},
        {"send_at": "2999-01-01T00:00:00Z"},
        {"hold_out_percent": 10},
    ],
)
async def test_support_gives_one_batch_to_named_students_at_once(api: Api, more: Json) -> None:
    sue = await api.as_(Role.SUPPORT, "sue")
    body = {name: value for name, value in _issue("bat_1", "ann", **more).items() if value}
    refused(await sue.post("/v1/issuances", json=body), 403, "wrong_role")


async def test_support_previews_a_refund_and_records_none(api: Api) -> None:
    sue = await api.as_(Role.SUPPORT, "sue")
    form = {"refund_id": "r1"}
    refused(await sue.post("/v1/orders/o-1/refunds", json=form), 403, "wrong_role")
    shown = await sue.post("/v1/orders/o-1/refunds", json={**form, "preview": True})
    refused(shown, 404, "not_found")
