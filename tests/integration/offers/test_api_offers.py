"""Offers over HTTP: made by a teacher or an assistant, accepted, declined and withdrawn."""

from typing import Any

import pytest

from server.core.identity import Role
from tests.support.builders.api import ROOM, Api, Json, field_errors, good, refused

pytestmark = pytest.mark.asyncio
PATH = f"/v1/rooms/{ROOM}/offers"


async def made(api: Api, batch: Json, *students: str, **change: Any) -> Json:
    body = {
        "batch_id": batch["id"],
        "students": list(students),
        "message": "For you",
        "expires_in_seconds": 600,
        **change,
    }
    return good(await (await api.teacher(ROOM)).post(PATH, json=body), 201)


async def test_an_offer_is_made_seen_and_accepted_once(api: Api) -> None:
    batch = await api.made_batch(quantity=1)
    (offer,) = (await made(api, batch, "ann", course="algebra-2"))["offers"]
    ann = await api.student("ann", ROOM)
    listed = good(await ann.get("/v1/me/offers"))["offers"]
    seen = good(await ann.post(f"/v1/me/offers/{offer['id']}/seen"))
    first = good(await ann.post(f"/v1/me/offers/{offer['id']}/accept"))
    again = good(await ann.post(f"/v1/me/offers/{offer['id']}/accept"))
    wallet = good(await ann.get("/v1/me/coupons"))["coupons"]

    assert (offer["state"], offer["message"], offer["course"]) == (
        "offered",
        "For you",
        "algebra-2",
    )
    assert [one["id"] for one in listed] == [offer["id"]]
    assert (seen["state"], first["state"]) == ("seen", "accepted")
    assert first["coupon"] == again["coupon"]
    assert [one["code"] for one in wallet] == [first["coupon"]["code"]]
    assert good(await ann.get("/v1/me/offers"))["offers"] == []
    shown = good(await (await api.teacher(ROOM)).get(PATH))["offers"][0]
    assert (shown["state"], "coupon" in shown) == ("accepted", False)


async def test_metadata_is_of_each_offer_and_told_to_teachers_alone(api: Api) -> None:
    batch, metadata = await api.made_batch(), {"call": "17", "why": "3 % missed"}
    first, second = (await made(api, batch, "ann", "ben", metadata=metadata))["offers"]
    (plain,) = (await made(api, batch, "cat"))["offers"]
    teacher, ann = await api.teacher(ROOM), await api.student("ann", ROOM)
    listed = good(await teacher.get(PATH))["offers"]
    (mine,) = good(await ann.get("/v1/me/offers"))["offers"]
    calls = [f"/v1/me/offers/{first['id']}/{call}" for call in ("seen", "accept")]
    told = [mine, *[good(await ann.post(call)) for call in calls]]
    withdrawn = good(await teacher.post(f"{PATH}/{second['id']}/withdraw"))

    assert first["metadata"] == second["metadata"] == withdrawn["metadata"] == metadata
    assert [one["metadata"] for one in listed] == [{}, metadata, metadata]
    assert plain["metadata"] == {}
    assert not any("metadata" in one for one in told)


async def test_nobody_else_can_see_accept_or_decline_it(api: Api) -> None:
    (offer,) = (await made(api, await api.made_batch(), "ann"))["offers"]
    ben = await api.student("ben", ROOM)

    assert good(await ben.get("/v1/me/offers"))["offers"] == []
    for call in ("accept", "decline", "seen"):
        refused(await ben.post(f"/v1/me/offers/{offer['id']}/{call}"), 404, "not_found")


async def test_an_offer_that_was_declined_or_withdrawn_is_open_no_more(api: Api) -> None:
    batch = await api.made_batch(quantity=2)
    ours, theirs = (await made(api, batch, "ann", "ben"))["offers"]
    ann, teacher = await api.student("ann", ROOM), await api.teacher(ROOM)
    short = await teacher.post(
        PATH, json={"batch_id": batch["id"], "students": ["cat"], "expires_in_seconds": 60}
    )
    declined = good(await ann.post(f"/v1/me/offers/{ours['id']}/decline"))
    withdrawn = good(await teacher.post(f"{PATH}/{theirs['id']}/withdraw"))
    again = good(await teacher.post(f"{PATH}/{theirs['id']}/withdraw"))

    assert refused(short, 409, "stock_short")["available"] == 0
    assert (declined["state"], withdrawn["state"]) == ("declined", "withdrawn")
    assert again == withdrawn
    late = refused(await ann.post(f"/v1/me/offers/{ours['id']}/accept"), 409, "wrong_state")
    assert late["state"] == "declined"
    assert len((await made(api, batch, "cat", "dan"))["offers"]) == 2


async def test_who_can_have_none_is_named_and_the_others_get_theirs(api: Api) -> None:
    batch = await api.made_batch(quantity=9)
    operator = await api.operator()
    block = {"kind": "student", "value": "eve", "reason": "robots"}
    good(await operator.post("/v1/blocks", json=block), 201)
    await made(api, batch, "ann")
    second = await made(api, batch, "ann", "ben", "eve", "ben")

    assert [one["student"] for one in second["offers"]] == ["ben"]
    assert {one["student"]: one["code"] for one in second["refused"]} == {
        "ann": "limit_reached",
        "eve": "blocked",
    }


async def test_an_assistant_may_offer_and_another_student_may_not(api: Api) -> None:
    batch = await api.made_batch()
    body = {"batch_id": batch["id"], "students": ["ann"], "expires_in_seconds": 600}
    assistant = await api.as_(Role.STUDENT, "tim", ROOM, may=["offer"])
    student = await api.student("ben", ROOM)

    refused(await student.post(PATH, json=body), 403, "wrong_role")
    refused(await assistant.post("/v1/rooms/other/offers", json=body), 403, "wrong_room")
    assert good(await assistant.post(PATH, json=body), 201)["offers"]


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"students": None}, "students", "required"),
        ({"students": []}, "students", "empty"),
        ({"students": [f"s{n}" for n in range(51)]}, "students", "too_many"),
        ({"tag": "vip"}, "tag", "conflict"),
        ({"metadata": {f"k{n}": "v" for n in range(21)}}, "metadata", "too_many"),
        ({"expires_in_seconds": 59}, "expires_in_seconds", "too_small"),
        ({"batch_id": "bat_none"}, "batch_id", "unknown"),
    ],
)
async def test_a_bad_field_is_named_and_nothing_is_written(
    api: Api, change: Json, field: str, code: str
) -> None:
    batch = await api.made_batch()
    before = await api.row_counts()
    body = {"batch_id": batch["id"], "students": ["ann"], "expires_in_seconds": 600, **change}
    answer = await (await api.teacher(ROOM)).post(PATH, json=body)

    assert (field, code) in field_errors(answer)
    assert await api.row_counts() == before


async def test_the_same_key_makes_the_offers_once(api: Api) -> None:
    batch, teacher = await api.made_batch(), await api.teacher(ROOM)
    body = {"batch_id": batch["id"], "students": ["ann", "ben"], "expires_in_seconds": 600}
    key = {"Idempotency-Key": "k1"}
    first = good(await teacher.post(PATH, json=body, headers=key), 201)
    again = good(await teacher.post(PATH, json=body, headers=key), 201)

    assert [one["id"] for one in first["offers"]] == [one["id"] for one in again["offers"]]
