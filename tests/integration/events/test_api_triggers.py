"""Triggers over HTTP: made, changed, activated, paused, tried dry; what is refused, and for whom."""

from typing import Any

import pytest
from sqlalchemy import insert, select, update

from server.ledger import tables
from tests.support.builders.api import Api, Json, field_errors, good, refused
from tests.support.builders.triggers import fire, lesson, told

pytestmark = pytest.mark.asyncio


async def a_trigger(api: Api, **change: Any) -> Json:
    batch = await api.made_batch()
    return {
        "name": "Well done",
        "when": {"event": "lesson_finished"},
        "then": {"batch_id": batch["id"]},
        "limits": {"per_student": 1},
        **change,
    }


async def made(api: Api, **change: Any) -> Json:
    body = await a_trigger(api, **change)
    return good(await (await api.operator()).post("/v1/triggers", json=body), 201)


async def test_a_trigger_is_made_shown_and_listed(api: Api) -> None:
    conditions = {"all": [{"fact": "data.course", "op": "=", "value": "algebra"}]}
    body = await a_trigger(
        api,
        when={"event": "x.badge", "conditions": conditions},
        limits={"per_student": 2, "per_day": 10, "total": 100},
        window={"from": "2026-03-01T00:00:00.000Z", "until": "2026-04-01T00:00:00.000Z"},
    )
    operator = await api.operator()
    trigger = good(await operator.post("/v1/triggers", json=body), 201)

    assert {name: trigger[name] for name in body} == body
    assert (trigger["state"], trigger["version"], trigger["fired"]) == ("draft", 1, 0)
    assert trigger["ignore_older_than_seconds"] == 172_800
    assert good(await operator.get(f"/v1/triggers/{trigger['id']}")) == trigger
    assert good(await operator.get("/v1/triggers"))["triggers"] == [trigger]


async def test_states_and_firings_are_shown(api: Api) -> None:
    operator, trigger = await api.operator(), await made(api)
    path = f"/v1/triggers/{trigger['id']}"

    assert good(await operator.post(f"{path}/activate"))["state"] == "active"
    await told(api.parts.ledger, lesson("e1"))
    await fire(api.parts.ledger)
    assert good(await operator.get(path))["fired"] == 1
    assert good(await operator.post(f"{path}/pause"))["state"] == "paused"
    caught_up = await operator.post(f"{path}/activate", json={"catch_up": True})
    assert good(caught_up)["state"] == "active"
    actions = [act["action"] for act in good(await operator.get("/v1/acts"))["acts"]]
    assert actions[:4] == [
        "trigger.activated",
        "trigger.paused",
        "trigger.activated",
        "trigger.made",
    ]


async def test_a_patch_makes_the_next_version(api: Api) -> None:
    operator, trigger = await api.operator(), await made(api)
    path = f"/v1/triggers/{trigger['id']}"

    changed = good(await operator.patch(path, json={"limits": {"per_student": 3}}))
    late = await operator.patch(path, json={"name": "X"}, headers={"If-Match": "1"})

    assert (changed["version"], changed["limits"]) == (2, {"per_student": 3})
    assert changed["name"] == trigger["name"]
    assert refused(late, 409, "wrong_state")["version"] == 2


async def test_metadata_are_kept_until_a_patch_sends_others(api: Api) -> None:
    operator, trigger = await api.operator(), await made(api, metadata={"flow": "17"})
    path = f"/v1/triggers/{trigger['id']}"

    assert trigger["metadata"] == {"flow": "17"}
    assert good(await operator.get(path)) == trigger
    assert good(await operator.get("/v1/triggers"))["triggers"] == [trigger]
    assert good(await operator.patch(path, json={"name": "X"}))["metadata"] == {"flow": "17"}
    assert good(await operator.patch(path, json={"metadata": {"a": "b"}}))["metadata"] == {"a": "b"}
    good(await operator.patch(path, json={"metadata": {}}))
    assert good(await operator.get(path))["metadata"] == {}


async def test_a_trigger_of_before_metadata_has_none(api: Api) -> None:
    operator, trigger = await api.operator(), await made(api)
    versions = tables.trigger_versions
    async with api.parts.ledger.begin() as conn:
        form = dict((await conn.execute(select(versions.c.form))).scalar_one())
        del form["metadata"]
        older = {"trigger_id": trigger["id"], "version": 2, "form": form}
        await conn.execute(insert(versions).values(older | {"created_by": "olga", "created_at": 1}))
        await conn.execute(update(tables.triggers).values(version=2))

    shown = good(await operator.get(f"/v1/triggers/{trigger['id']}"))

    assert (shown["version"], shown["metadata"]) == (2, {})


async def test_a_dry_run_says_whom_it_would_have_hit(api: Api) -> None:
    trigger = await made(api)
    await told(api.parts.ledger, lesson("e1"), lesson("e2"), lesson("e3", "bob"))
    path = f"/v1/triggers/{trigger['id']}/dry-run"
    found = good(await (await api.operator()).post(path, json={"days": 7}))
    assert found == {
        "days": 7,
        "events": 3,
        "fulfilled": 3,
        "issued": 2,
        "students": 2,
        "sample": ["ann", "bob"],
        "complete": True,
    }


async def test_a_pack_may_be_given(api: Api) -> None:
    batch, operator = await api.made_batch(), await api.operator()
    body = {"name": "Welcome", "items": [{"batch_id": batch["id"], "count": 1}]}
    pack = good(await operator.post("/v1/packs", json=body), 201)
    trigger = await made(api, then={"pack_id": pack["id"]})
    good(await operator.post(f"/v1/triggers/{trigger['id']}/activate"))
    await told(api.parts.ledger, lesson("e1"))
    assert await fire(api.parts.ledger) == 1
    listed = good(await operator.get("/v1/issuances"))["issuances"]
    assert [(one["pack_id"], one["asked"]) for one in listed] == [(pack["id"], 1)]


RULE: Json = {"fact": "tag", "op": "=", "value": "vip"}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"when": {"event": "coupon.confirmed"}}, ("when.event", "loop")),
        ({"when": {"event": "trigger.fired"}}, ("when.event", "loop")),
        ({"when": {"event": "slept"}}, ("when.event", "unknown_value")),
        ({"then": {}}, ("then", "one_of_batch_and_pack")),
        ({"then": {"batch_id": "bat_no"}}, ("then.batch_id", "unknown")),
        ({"then": {"pack_id": "pck_no"}}, ("then.pack_id", "unknown")),
        ({"limits": {}}, ("limits.per_student", "missing")),
        ({"metadata": {str(n): "x" for n in range(21)}}, ("metadata", "too_many")),
        ({"limits": {"per_student": 0}}, ("limits.per_student", "too_small")),
        (
            {"when": {"event": "logged_in", "conditions": {"all": [{**RULE, "fact": "spent"}]}}},
            ("when.conditions.all.0.fact", "unknown_value"),
        ),
        (
            {"window": {"from": "2026-04-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"}},
            ("window.until", "not_after_from"),
        ),
    ],
)
async def test_a_bad_trigger_names_its_field(
    api: Api, change: Json, error: tuple[str, str]
) -> None:
    body = await a_trigger(api, **change)
    before = await api.row_counts()
    answer = await (await api.operator()).post("/v1/triggers", json=body)
    assert field_errors(answer) == [error]
    assert await api.row_counts() == before


async def test_only_operators_write(api: Api) -> None:
    trigger = await made(api)
    path = f"/v1/triggers/{trigger['id']}"
    for client in (await api.service(), await api.finance(), await api.student()):
        refused(await client.post(f"{path}/activate"), 403, "wrong_role")
    assert good(await (await api.finance()).get(path)) == trigger
    operator = await api.operator()
    refused(await operator.post("/v1/triggers/trg_no/pause"), 404, "not_found")
    refused(await operator.post(f"{path}/pause"), 409, "wrong_state")
