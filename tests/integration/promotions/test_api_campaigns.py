"""/v1/campaigns, the switch that stops, and claim conditions, by HTTP."""

import pytest

from tests.support.builders.api import (
    ROOM,
    Api,
    Json,
    a_batch,
    a_drop,
    a_template,
    field_errors,
    good,
    refused,
)
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio

LONG = {"starts_at": "2020-01-01", "ends_at": "2100-01-01"}
CAMPAIGN = {"name": "Spring", "purpose": "New faces", **LONG}


async def made(api: Api, **change: object) -> Json:
    operator = await api.operator()
    return good(await operator.post("/v1/campaigns", json={**CAMPAIGN, **change}), 201)


async def test_a_campaign_is_shown_with_where_its_budget_is(api: Api) -> None:
    phases = [{"name": "all", "from": "2020-01-01", "until": "2100-01-01"}]
    budget = {"money": {"amount": 5_000, "currency": "CNY"}, "pieces": 5}
    campaign = await made(api, budget=budget, phases=phases, per_student=2)
    batch = await api.made_batch(campaign_id=campaign["id"])
    teacher = await api.teacher()
    body = {"batch_id": batch["id"], **a_drop()}
    good(await teacher.post(f"/v1/rooms/{ROOM}/drops", json=body), 201)

    shown = good(await (await api.finance()).get(f"/v1/campaigns/{campaign['id']}"))
    money, pieces = shown["budget"]["money"], shown["budget"]["pieces"]
    assert (money["amount"], money["free"], money["exposed"], money["settled"]) == (
        *(5_000, 2_000, 3_000, 0),
    )
    assert (pieces["free"], pieces["exposed"]) == (2, 3)
    assert [warning["level"] for warning in money["warnings"]] == [50]
    assert (shown["phase"], shown["per_student"]) == ("all", 2)
    assert shown["starts_at"] == "2019-12-31T16:00:00.000Z"

    short = await teacher.post(f"/v1/rooms/{ROOM}/drops", json=body)
    problem = refused(short, 409, "stock_short")
    assert (problem["available"], problem["budget"]) == (2, "money")


async def test_the_same_key_makes_one(api: Api) -> None:
    operator, key = await api.operator(), {"Idempotency-Key": "k1"}
    first = good(await operator.post("/v1/campaigns", json=CAMPAIGN, headers=key), 201)
    again = good(await operator.post("/v1/campaigns", json=CAMPAIGN, headers=key), 201)

    assert first["id"] == again["id"]
    page = good(await operator.get("/v1/campaigns"))
    assert [one["id"] for one in page["campaigns"]] == [first["id"]]


async def test_bad_ones_are_refused_and_nothing_is_written(api: Api) -> None:
    operator, before = await api.operator(), await api.row_counts()
    upside_down = {**CAMPAIGN, "starts_at": "2030-01-02", "ends_at": "2030-01-01"}
    answer = await operator.post("/v1/campaigns", json=upside_down)

    assert ("ends_at", "empty_window") in field_errors(answer)
    assert await api.row_counts() == before


@pytest.mark.parametrize("path", ["/v1/campaigns", "/v1/stop", "/v1/resume"])
async def test_they_are_the_operators(api: Api, path: str) -> None:
    for client in (await api.teacher(), await api.student(), await api.finance()):
        refused(await client.post(path, json={**CAMPAIGN, "claims": True}), 403, "wrong_role")


async def test_an_unknown_campaign_has_no_batches(api: Api) -> None:
    template = await api.made_template()
    body = {"template_id": template["id"], **a_batch(), "campaign_id": "cmp_none"}
    answer = await (await api.operator()).post("/v1/batches", json=body)

    assert field_errors(answer) == [("campaign_id", "unknown")]


async def test_a_percentage_needs_a_cap_for_money(api: Api) -> None:
    campaign = await made(api, budget={"money": {"amount": 1, "currency": "CNY"}})
    operator = await api.operator()
    form = a_template(discount={"kind": "percent_off", "percent": 20})
    template = good(await operator.post("/v1/templates", json=form), 201)
    body = {"template_id": template["id"], **a_batch(), "campaign_id": campaign["id"]}

    answer = await operator.post("/v1/batches", json=body)
    assert field_errors(answer) == [("template_id", "unbounded")]


async def test_what_is_stopped_is_shown_and_refuses_claims_until_resumed(
    api: Api, desk: Desk
) -> None:
    batch = await api.made_batch()
    teacher, operator, student = await api.teacher(), await api.operator(), await api.student()
    body = {"batch_id": batch["id"], **a_drop()}
    drop = good(await teacher.post(f"/v1/rooms/{ROOM}/drops", json=body), 201)
    claim, path = f"/v1/drops/{drop['id']}/claims", f"/v1/batches/{batch['id']}"

    said = {"claims": True, "use": False, "reason": "wrong price"}
    assert good(await operator.post(f"{path}/stop", json=said))["claims"] is True
    assert good(await operator.get(path))["stopped"]["reason"] == "wrong price"
    answer = good(await student.post(claim, json={"request_id": "r1"}))
    assert answer["outcome"] == "not_open"

    good(await operator.post(f"{path}/resume", json={"claims": True}))
    assert "stopped" not in good(await operator.get(path))
    answer = good(await student.post(claim, json={"request_id": "r1"}))
    assert answer["outcome"] == "won"


async def test_a_stop_says_what(api: Api) -> None:
    operator = await api.operator()
    assert field_errors(await operator.post("/v1/stop", json={})) == [("claims", "missing")]
    refused(
        await operator.post("/v1/campaigns/cmp_none/stop", json={"use": True}), 404, "not_found"
    )
    assert good(await operator.post("/v1/stop", json={"use": True}))["use"] is True
    assert good(await operator.get("/v1/stop"))["use"] is True


@pytest.mark.parametrize("is_shown", [True, False], ids=["by the room", "by the ledger"])
async def test_an_account_that_does_not_meet_the_conditions_is_not_eligible(
    api: Api, desk: Desk, is_shown: bool
) -> None:
    batch = await api.made_batch(claim_conditions={"tags": ["vip"], "new": True})
    assert batch["claim_conditions"] == {"tags": ["vip"], "new": True}
    teacher = await api.teacher()
    body = {"batch_id": batch["id"], **a_drop()}
    drop = good(await teacher.post(f"/v1/rooms/{ROOM}/drops", json=body), 201)
    if not is_shown:
        keys = [key async for key in desk.redis.scan_iter(f"{desk.prefix}:{{{ROOM}}}:*")]
        await desk.redis.delete(*keys)

    outcomes = []
    for name, claims in (
        ("ann", {}),
        ("bob", {"tags": ["vip"]}),
        ("cyd", {"new": True}),
        ("dan", {"tags": ["vip"], "new": True}),
    ):
        student = await api.student(name, **claims)
        path = f"/v1/drops/{drop['id']}/claims"
        answer = good(await student.post(path, json={"request_id": "r1"}))
        outcomes.append(answer["outcome"])
    assert outcomes == ["not_eligible", "not_eligible", "not_eligible", "won"]
