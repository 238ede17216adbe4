"""An empty list is not everything. For each list, object and text that may be left out, what an empty one
means: left out it is the default; empty it is none, and where none makes no sense it is refused.
"""

import httpx
import pytest

from tests.support.builders.api import (
    ROOM,
    Api,
    Json,
    a_batch,
    a_drop,
    a_template,
    an_order,
    field_errors,
    good,
)

pytestmark = pytest.mark.asyncio

# (call, what is sent besides, the field, the code that refuses it)
REFUSED: list[tuple[str, Json, str, str]] = [
    ("refund", {"lines": []}, "lines", "empty"),
    ("drop", {"audience": {}}, "audience", "empty"),
    ("drop", {"audience": {"tags": []}}, "audience", "empty"),
    ("drop", {"audience": {"students": []}}, "audience", "empty"),
    ("drop", {"audience": {"tags": [], "students": []}}, "audience", "empty"),
    ("batch", {"claim_conditions": {"tags": []}}, "claim_conditions.tags", "empty"),
    ("batch", {"claim_conditions": {"tags": [], "new": True}}, "claim_conditions.tags", "empty"),
    ("batch", {"rooms": []}, "rooms", "too_short"),
    ("batch", {"name": ""}, "name", "too_short"),
    ("batch", {"channel": ""}, "channel", "too_short"),
    ("edit", {"rooms": []}, "rooms", "too_short"),
    ("edit", {"name": ""}, "name", "too_short"),
    ("edit", {"channel": ""}, "channel", "too_short"),
    ("template", {"deducts": []}, "deducts", "too_few"),
    ("template", {"use_url": ""}, "use_url", "too_short"),
    ("void", {"codes": []}, "codes", "too_few"),
    ("quote", {"order": {"currency": "CNY", "lines": []}}, "order.lines", "too_few"),
    ("stop", {}, "claims", "missing"),
]
# What an empty one says is what leaving it out says: none.
TAKEN: list[tuple[str, Json]] = [
    ("drop", {"message": ""}),
    ("drop", {"metadata": {}}),
    ("drop", {"audience": {"tags": [], "students": ["ann"]}}),
    ("drop", {"audience": {"tags": ["new"], "students": []}}),
    ("batch", {"claim_conditions": {}}),
    ("batch", {"code_prefix": ""}),
    ("batch", {"metadata": {}}),
    ("edit", {"metadata": {}}),
    ("edit", {"code_prefix": ""}),
    ("template", {"description": ""}),
    ("template", {"threshold": {}}),
    # The contract's own exception: without a course and a package it is every course.
    ("template", {"scope": {}}),
    ("template", {"scope": {"courses": [], "packages": []}}),
    ("template", {"scope": {"courses": [], "packages": [], "except_courses": []}}),
    ("template", {"stacking": {"class": "order", "combines_with": []}}),
    ("template", {"style": {}}),
    ("template", {"returns": {}}),
    ("campaign", {"budget": {}}),
    ("campaign", {"phases": []}),
    ("quote", {"coupons": []}),
    ("stop", {"claims": True, "reason": ""}),
]


async def send(api: Api, call: str, change: Json) -> httpx.Response:
    operator, shop = await api.operator(), await api.service()
    match call:
        case "template":
            return await operator.post("/v1/templates", json=a_template(**change))
        case "batch":
            template = await api.made_template()
            body = {"template_id": template["id"], **a_batch(), **change}
            return await operator.post("/v1/batches", json=body)
        case "drop":
            body = {"batch_id": (await api.made_batch())["id"], **a_drop(), **change}
            return await (await api.teacher()).post(f"/v1/rooms/{ROOM}/drops", json=body)
        case "campaign":
            body = {"name": "Spring", "purpose": "p", "starts_at": "2026-03-01", **change}
            return await operator.post("/v1/campaigns", json={"ends_at": "2026-04-01", **body})
        case "stop":
            return await operator.post("/v1/stop", json=change)
        case "quote":
            return await shop.post("/v1/quotes", json={"order": an_order(5_000), **change})
        case "edit" | "void":
            return await send_of_batch(api, call, change)
    await paid(api)
    return await shop.post("/v1/orders/o-1/refunds", json={"refund_id": "r-1", **change})


async def send_of_batch(api: Api, call: str, change: Json) -> httpx.Response:
    operator, batch = await api.operator(), await api.made_batch()
    path = f"/v1/batches/{batch['id']}"
    if call == "void":
        return await operator.post(f"{path}/codes/void", json=change)
    headers = {"If-Match": str(batch["version"])}
    return await operator.patch(path, json=change, headers=headers)


async def paid(api: Api) -> None:
    shop = await api.service()
    body = {"order_id": "o-1", "student": "ann", "order": an_order(5_000), "coupons": []}
    locked = good(await shop.post("/v1/redemptions", json=body), 201)
    good(await shop.post(f"/v1/redemptions/{locked['id']}/confirm", json={}))


@pytest.mark.parametrize(("call", "change", "field", "code"), REFUSED)
async def test_none_is_refused_where_it_makes_no_sense(
    api: Api, call: str, change: Json, field: str, code: str
) -> None:
    assert field_errors(await send(api, call, change)) == [(field, code)]


@pytest.mark.parametrize(("call", "change"), TAKEN)
async def test_none_is_taken_where_it_says_what_leaving_it_out_says(
    api: Api, call: str, change: Json
) -> None:
    answer = await send(api, call, change)
    assert answer.status_code in (200, 201), answer.text


async def test_a_lock_of_no_coupons_has_none(api: Api) -> None:
    await paid(api)
    shown = good(await (await api.service()).get("/v1/redemptions", params={"order_id": "o-1"}))
    assert (shown["coupons"], shown["discount"]) == ([], 0)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/me/coupons?state=", "state"),
        (f"/v1/rooms/{ROOM}/drops?limit=", "limit"),
        ("/v1/me/coupons?after=", "after"),
    ],
)
async def test_an_empty_filter_is_not_no_filter(api: Api, path: str, field: str) -> None:
    client = await (api.teacher() if "rooms" in path else api.student())
    assert [name for name, _ in field_errors(await client.get(path))] == [field]


async def test_an_empty_filter_of_acts_is_not_no_filter(api: Api) -> None:
    for field in ("actor", "subject"):
        answer = await (await api.operator()).get(f"/v1/acts?{field}=")
        assert field_errors(answer) == [(field, "too_short")]


async def test_conditions_come_back_as_they_may_be_sent_again(api: Api) -> None:
    shown = (await api.made_batch(claim_conditions={"new": True}))["claim_conditions"]
    assert shown == {"new": True}
    assert (await api.made_batch(claim_conditions=shown))["claim_conditions"] == shown
