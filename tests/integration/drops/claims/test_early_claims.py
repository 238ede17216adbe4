"""Claims of a drop that nobody has opened yet are refused and leave nothing behind, whoever claims; what a
teacher changes before the opening counts for those too who were early."""

import httpx
import pytest

from tests.support.builders.api import ROOM, Api, Json, good
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio


async def _tap(client: httpx.AsyncClient, drop: Json, request_id: str = "q1") -> Json:
    answer = await client.post(f"/v1/drops/{drop['id']}/claims", json={"request_id": request_id})
    return good(answer)


async def _desk_keys(desk: Desk) -> dict[bytes, bytes | None]:
    """Return all that Redis has of this desk."""
    keys = [key async for key in desk.redis.scan_iter(match=f"{desk.prefix}*")]
    return {key: await desk.redis.dump(key) for key in keys}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"mode": "draw"},
        {"rehearsal": True, "audience": {"students": ["ann"]}},
        {"task": {"kind": "sign_in"}},
        {"opens_in_seconds": 60},
    ],
)
async def test_a_prepared_drop_is_not_open_and_a_tap_on_it_leaves_nothing(
    api: Api, desk: Desk, change: Json
) -> None:
    drop = await api.made_drop(start="prepared", **change)
    ann = await api.student("ann", person="p" * 16, device="d" * 16)
    rows, keys = await api.row_counts(), await _desk_keys(desk)

    said = await _tap(ann, drop)

    assert (said["outcome"], said["why"]) == ("not_open", {"reason": "prepared"})
    assert await _tap(ann, drop) == said
    assert await api.row_counts() == rows
    assert await _desk_keys(desk) == keys


async def test_who_was_early_wins_by_the_same_request_once_it_is_open(api: Api) -> None:
    drop = await api.made_drop(start="prepared")
    ann = await api.student()
    assert (await _tap(ann, drop))["outcome"] == "not_open"
    path = f"/v1/rooms/{ROOM}/drops/{drop['id']}"
    good(await (await api.teacher()).post(path + "/open", json={}))

    assert (await _tap(ann, drop))["outcome"] == "won"


async def test_an_audience_that_is_changed_before_the_opening_counts(api: Api, desk: Desk) -> None:
    drop = await api.made_drop(start="prepared")
    ann, bob = await api.student("ann"), await api.student("bob")
    await _tap(ann, drop)
    path = f"/v1/rooms/{ROOM}/drops/{drop['id']}"
    teacher = await api.teacher()
    good(await teacher.patch(path, json={"audience": {"students": ["bob"]}}))
    keys = await _desk_keys(desk)
    assert (await _tap(ann, drop))["outcome"] == "not_eligible"
    assert await _desk_keys(desk) == keys
    good(await teacher.post(path + "/open", json={}))

    assert (await _tap(ann, drop))["outcome"] == "not_eligible"
    assert (await _tap(bob, drop))["outcome"] == "won"
    assert good(await teacher.get(path))["reached"] == 1


async def test_a_drop_that_was_removed_before_its_opening_is_not_found(api: Api) -> None:
    drop = await api.made_drop(start="prepared")
    ann = await api.student("ann")
    await _tap(ann, drop)
    good(await (await api.teacher()).delete(f"/v1/rooms/{ROOM}/drops/{drop['id']}"))

    answer = await ann.post(f"/v1/drops/{drop['id']}/claims", json={"request_id": "q1"})
    assert answer.status_code == 404


async def test_a_draw_says_when_it_opens_when_it_ended_and_which_limit_is_used_up(
    api: Api,
) -> None:
    batch = await api.made_batch()
    teacher, ann = await api.teacher(), await api.student("ann")
    drops = f"/v1/rooms/{ROOM}/drops"
    body = {"batch_id": batch["id"], "quantity": 3, "duration_seconds": 60, "mode": "draw"}
    later = good(await teacher.post(drops, json={**body, "opens_in_seconds": 60}), 201)
    why = (await _tap(ann, later))["why"]
    assert (why["reason"], why["opens_at"]) == ("not_yet", later["opens_at"])
    assert 0 < why["in_ms"] <= 60_000

    over = good(await teacher.post(drops, json=body), 201)
    assert (await _tap(await api.student("bob"), over))["outcome"] == "entered"
    good(await teacher.post(f"{drops}/{over['id']}/close", json={}))
    why = (await _tap(ann, over))["why"]
    assert why["reason"] == "ended"
    assert why["closed_at"] >= over["opens_at"]
    assert why["after_ms"] < 60_000

    first = good(await teacher.post(drops, json={**body, "mode": "first"}), 201)
    await _tap(ann, first)
    drawn = good(await teacher.post(drops, json=body), 201)
    said = await _tap(ann, drawn)
    assert (said["outcome"], said["limit"]) == ("limit_reached", "batch")
    assert said["why"] == {"reason": "limit", "limit": "batch", "most": 1, "used": 1}


@pytest.mark.parametrize("limits", [{"per_student": 1}, {"per_student": 5, "per_person": 1}])
async def test_a_limit_that_is_used_up_refuses_and_leaves_nothing(
    api: Api, desk: Desk, limits: Json
) -> None:
    batch = await api.made_batch(**limits)
    teacher = await api.teacher()
    body = {"batch_id": batch["id"], "quantity": 3, "duration_seconds": 60}
    first = good(await teacher.post(f"/v1/rooms/{ROOM}/drops", json=body), 201)
    second = good(await teacher.post(f"/v1/rooms/{ROOM}/drops", json=body), 201)
    early = good(
        await teacher.post(f"/v1/rooms/{ROOM}/drops", json={**body, "start": "prepared"}), 201
    )
    ann = await api.student("ann", person="p" * 16)
    assert (await _tap(ann, first))["outcome"] == "won"
    await _tap(ann, second)  # counted as seen, once
    rows, keys = await api.row_counts(), await _desk_keys(desk)

    assert (await _tap(ann, early, "q2"))["outcome"] == "not_open"
    assert await _desk_keys(desk) == keys
    assert (await _tap(ann, second, "q3"))["outcome"] == "limit_reached"
    assert await api.row_counts() == rows
    kept = await _desk_keys(desk)
    (changed,) = {key for key in keys | kept if keys.get(key) != kept.get(key)}
    assert changed.endswith(f":drop:{second['id']}".encode())  # which counts its taps
