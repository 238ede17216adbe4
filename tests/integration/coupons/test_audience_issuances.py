"""Coupons for an audience: who is in it when the issuance starts gets one, on both databases."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from server.flows.coupons.issuing.drive_issuances import IssueParts, drive_due
from server.ledger.engine import Ledger
from tests.support.builders.api import Api, Json, field_errors, good, serving
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio
VIP = {"all": [{"fact": "tag", "op": "=", "value": "vip"}]}
FORMS: dict[str, Json] = {
    "list": {"kind": "list", "students": ["ann", "bob"]},
    "tag": {"kind": "tag", "tag": "vip"},
    "rule": {"kind": "rule", "rule": VIP},
}


@pytest_asyncio.fixture
async def school(ledger: Ledger, desk: Desk) -> AsyncIterator[Api]:
    """Yield the application on each database, with two students who have a tag and one who has none."""
    async with serving(ledger, desk) as made:
        tagged = [{"id": name, "tags": ["vip"]} for name in ("ann", "bob")]
        body = {"students": [*tagged, {"id": "cem"}]}
        good(await (await made.service()).post("/v1/students", json=body))
        yield made


async def made_audience(api: Api, kind: str) -> Json:
    body = {"name": "Some", **FORMS[kind]}
    return good(await (await api.operator()).post("/v1/audiences", json=body), 201)


async def asked(api: Api, audience_id: str, **more: object) -> Json:
    batch = await api.made_batch()
    body = {"batch_id": batch["id"], "audience_id": audience_id, "reason": "thanks", **more}
    return good(await (await api.service()).post("/v1/issuances", json=body), 202)


async def driven(api: Api) -> None:
    deps = api.parts
    await drive_due(IssueParts(deps.ledger, deps.drop_desk, deps.clock, deps.time_zone))


@pytest.mark.parametrize("kind", FORMS)
async def test_everybody_in_an_audience_gets_a_coupon(school: Api, kind: str) -> None:
    issuance = await asked(school, (await made_audience(school, kind))["id"])
    await driven(school)

    service = await school.service()
    done = good(await service.get(f"/v1/issuances/{issuance['id']}"))
    assert (done["state"], done["asked"], done["issued"]) == ("done", 2, 2)
    for student in ("ann", "bob"):
        wallet = good(await (await school.student(student)).get("/v1/me/coupons"))
        assert len(wallet["coupons"]) == 1


async def test_a_later_edit_does_not_reach_what_has_started(school: Api) -> None:
    audience = await made_audience(school, "list")
    issuance = await asked(school, audience["id"])
    await driven(school)
    other = {"name": "Some", "kind": "list", "students": ["cem"]}
    operator, path = await school.operator(), f"/v1/audiences/{audience['id']}"
    good(await operator.put(path, json=other, headers={"If-Match": "1"}))
    await driven(school)

    done = good(await operator.get(f"/v1/issuances/{issuance['id']}"))
    assert (done["asked"], done["issued"]) == (2, 2)


async def test_an_audience_has_to_exist(school: Api) -> None:
    batch = await school.made_batch()
    body = {"batch_id": batch["id"], "audience_id": "aud_no", "reason": "thanks"}
    answer = await (await school.service()).post("/v1/issuances", json=body)
    assert field_errors(answer) == [("audience_id", "unknown")]
