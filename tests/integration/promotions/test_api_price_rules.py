"""Price rules: a batch that breaks one is refused unless an operator says why, on both databases."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from server.ledger.engine import Ledger
from tests.support.builders.api import (
    ROOM,
    Api,
    Json,
    a_batch,
    a_drop,
    field_errors,
    good,
    refused,
    serving,
)
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def school(ledger: Ledger, desk: Desk) -> AsyncIterator[Api]:
    """Yield the application on each database."""
    async with serving(ledger, desk) as made:
        yield made


async def half_off(school: Api) -> Json:
    """Return the body of a batch with 50 percent off the course c1."""
    percent = {"kind": "percent_off", "percent": 50}
    scope = {"courses": ["c1"], "packages": []}
    template = await school.made_template(discount=percent, scope=scope)
    return a_batch(template_id=template["id"])


async def test_why_a_rule_was_ended_is_kept_as_an_act(school: Api) -> None:
    operator = await school.operator()
    form = {"courses": ["c1"], "max_depth_percent": 20}
    for body, kept in (({"reason": "the term is over"}, "the term is over"), (None, None)):
        rule = good(await operator.post("/v1/price-rules", json=form), 201)
        path = f"/v1/price-rules/{rule['id']}"
        assert good(await operator.request("DELETE", path, json=body)) == rule
        acts = good(await operator.get("/v1/acts", params={"subject": rule["id"]}))["acts"]
        assert (acts[0]["action"], acts[0]["detail"].get("reason")) == ("price_rule.ended", kept)


async def test_a_batch_that_breaks_a_rule_needs_a_reason(school: Api) -> None:
    operator = await school.operator()
    body = await half_off(school)
    form = {"courses": ["c1"], "max_depth_percent": 20}
    rule = good(await operator.post("/v1/price-rules", json=form), 201)
    problem = refused(await operator.post("/v1/batches", json=body), 409, "price_rule")
    assert (problem["rule"], problem["course"], problem["figure"]) == (rule["id"], "c1", 50)
    why = {"override": {"reason": "exam week"}}
    batch = good(await operator.post("/v1/batches", json=body | why), 201)
    acts = good(await operator.get("/v1/acts", params={"subject": batch["id"]}))["acts"]
    assert "price_rule.overridden" in [act["action"] for act in acts]
    shown = good(await operator.get(f"/v1/price-rules/{rule['id']}"))
    assert [one["course"] for one in shown["figures"]] == ["c1"]
    assert good(await operator.get("/v1/price-rules"))["price_rules"] == [rule]
    assert good(await operator.delete(f"/v1/price-rules/{rule['id']}")) == rule
    refused(await operator.get(f"/v1/price-rules/{rule['id']}"), 404, "not_found")
    good(await operator.post("/v1/batches", json=body), 201)
    nothing = await operator.post("/v1/price-rules", json={"courses": ["c1"]})
    refused(nothing, 422, "invalid_field")


async def test_a_rule_keeps_its_metadata(school: Api) -> None:
    operator = await school.operator()
    form = {"courses": ["c1"], "max_depth_percent": 20, "metadata": {"ticket": "17"}}
    rule = good(await operator.post("/v1/price-rules", json=form), 201)
    path = f"/v1/price-rules/{rule['id']}"

    assert rule["metadata"] == {"ticket": "17"}
    assert good(await operator.get(path))["metadata"] == {"ticket": "17"}
    assert good(await operator.get("/v1/price-rules"))["price_rules"] == [rule]
    assert good(await operator.delete(path)) == rule


async def test_metadata_of_a_rule_are_20_pairs_at_most(school: Api) -> None:
    operator, before = await school.operator(), await school.row_counts()
    form = {"courses": ["c1"], "max_depth_percent": 20}
    pairs = {str(number): "x" for number in range(21)}

    answer = await operator.post("/v1/price-rules", json=form | {"metadata": pairs})

    assert field_errors(answer) == [("metadata", "too_many")]
    assert await school.row_counts() == before
    assert good(await operator.post("/v1/price-rules", json=form), 201)["metadata"] == {}


async def test_an_edit_that_breaks_a_rule_needs_a_reason(school: Api) -> None:
    operator = await school.operator()
    window = {"from": "2030-01-01T00:00:00Z", "until": "2030-01-03T00:00:00Z"}
    body = await half_off(school) | {"claim_window": window}
    batch = good(await operator.post("/v1/batches", json=body), 201)
    rule = {"courses": ["c1"], "max_days_on_offer": 3}
    good(await operator.post("/v1/price-rules", json=rule), 201)
    path, longer = f"/v1/batches/{batch['id']}", window | {"until": "2030-01-09T00:00:00Z"}
    first, second = ({"If-Match": version} for version in ("1", "2"))
    named = good(await operator.patch(path, json={"name": "New"}, headers=first))
    assert named["version"] == 2
    change: Json = {"claim_window": longer}
    problem = refused(await operator.patch(path, json=change, headers=second), 409, "price_rule")
    assert (problem["limit"], problem["figure"]) == ("max_days_on_offer", 8)
    change["override"] = {"reason": "exam week"}
    good(await operator.patch(path, json=change, headers=second))


async def test_a_drop_of_an_older_batch_is_held_against_the_rules(school: Api) -> None:
    operator, teacher = await school.operator(), await school.teacher()
    batch = good(await operator.post("/v1/batches", json=await half_off(school)), 201)
    rule = {"courses": ["c1"], "max_depth_percent": 20}
    good(await operator.post("/v1/price-rules", json=rule), 201)
    path, body = f"/v1/rooms/{ROOM}/drops", a_drop(batch_id=batch["id"], start="prepared")
    refused(await teacher.post(path, json=body), 409, "price_rule")
    why = {"override": {"reason": "exam week"}}
    refused(await teacher.post(path, json=body | why), 403, "wrong_role")
    drop = good(await operator.post(path, json=body | why), 201)
    acts = good(await operator.get("/v1/acts", params={"subject": drop["id"]}))["acts"]
    assert "price_rule.overridden" in [act["action"] for act in acts]
    rehearsal = {"rehearsal": True, "audience": {"students": ["ann"]}}
    good(await teacher.post(path, json=body | rehearsal), 201)


async def test_a_teacher_drops_what_an_operator_has_let_pass(school: Api) -> None:
    operator, teacher = await school.operator(), await school.teacher()
    rule = {"courses": ["c1"], "max_depth_percent": 20}
    good(await operator.post("/v1/price-rules", json=rule), 201)
    body = await half_off(school) | {"override": {"reason": "exam week"}}
    batch = good(await operator.post("/v1/batches", json=body), 201)
    good(await teacher.post(f"/v1/rooms/{ROOM}/drops", json=a_drop(batch_id=batch["id"])), 201)
