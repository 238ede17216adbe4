"""The places where a student could get a coupon now, and what it would save: drops of other rooms, links."""

from typing import Any

import pytest

from tests.support.builders.api import Api, Json, a_batch, a_drop, a_template, good
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio
HERE, THERE = "math-7", "math-8"
LINK = {"channel": "course page", "quantity": 5, "prompt": True}
ORDER = {
    "currency": "CNY",
    "lines": [{"id": "1", "course": "algebra-2", "unit_price": 30_000, "quantity": 1}],
}


async def batch_of(api: Api, **template: object) -> Json:
    operator = await api.operator()
    made = good(await operator.post("/v1/templates", json=a_template(**template)), 201)
    body = {**a_batch(), "template_id": made["id"]}
    return good(await operator.post("/v1/batches", json=body), 201)


async def opened(api: Api, room: str, batch: Json, **change: Any) -> Json:
    body = {**a_drop(), "batch_id": batch["id"], **change}
    teacher = await api.teacher(room)
    return good(await teacher.post(f"/v1/rooms/{room}/drops", json=body), 201)


async def linked(api: Api, batch: Json, **change: Any) -> Json:
    operator = await api.operator()
    path = f"/v1/batches/{batch['id']}/links"
    return good(await operator.post(path, json={**LINK, **change}), 201)


async def elsewhere(api: Api, student: str = "ann", **query: str) -> list[str]:
    client = await api.student(student, HERE, THERE)
    found = good(await client.get("/v1/me/offers", params=query))
    return [one["drop_id"] for one in found["elsewhere"]]


async def test_open_drops_of_ones_rooms_and_links_that_are_prompts_are_told(api: Api) -> None:
    drop = await opened(api, THERE, await batch_of(api))
    link = await linked(api, await batch_of(api))
    await linked(api, await batch_of(api), prompt=False)
    await opened(api, "math-9", await batch_of(api))
    client = await api.student("ann", HERE, THERE)
    first, second = good(await client.get("/v1/me/offers"))["elsewhere"]

    assert (first["kind"], first["link"], first["drop_id"]) == (
        "link",
        link["slug"],
        link["drop_id"],
    )
    assert (second["kind"], second["room"], second["drop_id"]) == ("drop", THERE, drop["id"])
    assert "room" not in first
    assert await elsewhere(api, room=THERE) == [link["drop_id"]]


async def test_a_link_becomes_a_prompt_and_ceases_to_be_one(api: Api) -> None:
    link = await linked(api, await batch_of(api), prompt=False)
    operator, path = await api.operator(), f"/v1/links/{link['id']}"
    assert await elsewhere(api) == []

    assert good(await operator.patch(path, json={"prompt": True}))["prompt"] is True
    assert await elsewhere(api) == [link["drop_id"]]
    assert good(await operator.patch(path, json={"note": "still one"}))["prompt"] is True
    assert good(await operator.patch(path, json={"prompt": False}))["prompt"] is False
    assert await elsewhere(api) == []


async def test_what_is_not_for_the_student_or_was_claimed_or_paused_is_not_told(api: Api) -> None:
    drop = await opened(api, THERE, await batch_of(api))
    await opened(api, THERE, await batch_of(api), audience={"students": ["ben"]})
    link = await linked(api, await batch_of(api))
    operator, ann = await api.operator(), await api.student("ann", HERE, THERE)
    good(await operator.patch(f"/v1/links/{link['id']}", json={"state": "paused"}))
    assert await elsewhere(api) == [drop["id"]]

    good(await ann.post(f"/v1/drops/{drop['id']}/claims", json={"request_id": "r1"}))
    assert await elsewhere(api) == []
    block = {"kind": "student", "value": "ben", "reason": "robots"}
    good(await operator.post("/v1/blocks", json=block), 201)
    assert await elsewhere(api, "ben") == []


async def test_a_course_leaves_out_what_cannot_be_used_for_it(api: Api) -> None:
    scope = {"courses": ["chess"], "packages": []}
    chess = await opened(api, THERE, await batch_of(api, scope=scope))

    assert await elsewhere(api, course="chess") == [chess["id"]]
    assert await elsewhere(api, course="algebra-2") == []


async def test_a_prompt_says_what_a_coupon_one_could_get_would_save(api: Api) -> None:
    now = await linked(api, await batch_of(api, discount={"kind": "amount_off", "amount": 700}))
    later = await opened(
        api,
        THERE,
        await batch_of(
            api,
            discount={"kind": "amount_off", "amount": 5000},
            threshold={"min_amount": 40_000},
        ),
    )
    ann, service = await api.student("ann", HERE, THERE), await api.service()
    hers = good(await ann.post("/v1/prompts", json={"order": ORDER}))["prompts"]
    body = {"order": ORDER, "student": "ann"}
    theirs = good(await service.post("/v1/prompts", json=body))["prompts"]

    assert [(one["drop_id"], one["spend_more"], one["save_more"]) for one in hers] == [
        (now["drop_id"], 0, 700),
        (later["id"], 10_000, 5000),
    ]
    assert theirs == hers[:1]


async def test_without_the_desk_what_is_kept_is_still_shown(api: Api, desk: Desk) -> None:
    await opened(api, THERE, await batch_of(api))
    for key in await desk.redis.keys(f"{desk.prefix}:*drop:*"):
        await desk.redis.delete(key)

    assert await elsewhere(api) == []
