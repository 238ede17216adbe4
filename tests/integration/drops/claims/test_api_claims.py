import httpx
import pytest

from server.desk.keys import SHARDS
from tests.support.builders.api import ROOM, Api, Json, confirm_all, good, refused
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio


async def _claim(student: httpx.AsyncClient, drop: Json, request_id: str = "q1") -> Json:
    answer = await student.post(f"/v1/drops/{drop['id']}/claims", json={"request_id": request_id})
    return good(answer)


async def test_a_tap_wins_and_says_so_again(api: Api) -> None:
    drop, ann = await api.made_drop(), await api.student()
    won = {"request_id": "q1", "drop_id": drop["id"], "outcome": "won"}
    assert await _claim(ann, drop) == won
    assert await _claim(ann, drop) == won
    assert (await _claim(ann, drop, "q2"))["outcome"] == "already_won"
    shown = good(await (await api.teacher()).get(f"/v1/rooms/{ROOM}/drops/{drop['id']}"))
    assert (shown["claimed"], shown["remaining"], shown["reached"]) == (1, 2, 1)


async def test_nobody_gets_unit_4_of_3(api: Api) -> None:
    drop = await api.made_drop()
    outcomes = [
        (await _claim(await api.student(name), drop))["outcome"] for name in ("a", "b", "c", "d")
    ]
    assert outcomes == ["won", "won", "won", "sold_out"]


async def test_a_confirmed_claim_comes_with_its_coupon(api: Api, desk: Desk) -> None:
    drop, ann = await api.made_drop(), await api.student()
    await _claim(ann, drop)
    await confirm_all(api, desk)
    answer = await _claim(ann, drop)
    coupon = answer["coupon"]
    assert answer["coupon_id"] == coupon["id"]
    assert set(coupon) >= {"id", "code", "name", "valid_from", "valid_until", "use_by"}


async def test_a_win_is_pending_in_the_wallet_until_it_is_a_coupon(api: Api, desk: Desk) -> None:
    drop, ann = await api.made_drop(), await api.student()
    await _claim(ann, drop)
    before = good(await ann.get("/v1/me/coupons"))
    assert before["coupons"] == []
    assert [(one["drop_id"], one["state"]) for one in before["pending"]] == [(drop["id"], "won")]
    await confirm_all(api, desk)
    after = good(await ann.get("/v1/me/coupons"))
    assert after["pending"] == []
    assert [one["drop_id"] for one in after["coupons"]] == [drop["id"]]


async def test_the_teacher_sees_who_has_won(api: Api, desk: Desk) -> None:
    drop, teacher = await api.made_drop(), await api.teacher()
    for name in ("ann", "bob"):
        await _claim(await api.student(name), drop)
    await confirm_all(api, desk)
    await _claim(await api.student("cyd"), drop)
    path = f"/v1/rooms/{ROOM}/drops/{drop['id']}/claims"
    listed = good(await teacher.get(path))["claims"]
    assert {claim["student"] for claim in listed} == {"ann", "bob"}
    cyd = good(await teacher.get(path, params={"student": "cyd"}))["claims"]
    assert [(claim["state"], claim["confirmed_at"]) for claim in cyd] == [("won", None)]


@pytest.mark.parametrize(
    ("audience", "outcome"),
    [
        ({"tags": ["vip"]}, "won"),
        ({"students": ["ann"]}, "won"),
        ({"tags": ["new"], "students": ["bob"]}, "not_eligible"),
    ],
)
async def test_a_drop_is_for_its_audience(api: Api, audience: Json, outcome: str) -> None:
    drop = await api.made_drop(audience=audience)
    ann = await api.student("ann", tags=["vip"])
    assert (await _claim(ann, drop))["outcome"] == outcome


async def test_a_scheduled_drop_is_not_open_and_a_closed_one_closed(api: Api) -> None:
    ann = await api.student()
    assert (await _claim(ann, await api.made_drop(opens_in_seconds=60)))["outcome"] == "not_open"
    drop = await api.made_drop()
    await (await api.teacher()).post(f"/v1/rooms/{ROOM}/drops/{drop['id']}/close")
    assert (await _claim(ann, drop))["outcome"] == "closed"


async def test_haste_is_answered_with_a_wait(api: Api) -> None:
    drop, ann = await api.made_drop(), await api.student()
    answers = [await _claim(ann, drop, f"q{n}") for n in range(30)]
    assert answers[-1]["outcome"] == "rate_limited"
    assert int(str(answers[-1]["retry_after_ms"])) > 0


async def test_an_unknown_drop_is_not_found(api: Api) -> None:
    answer = await (await api.student()).post("/v1/drops/drp_x/claims", json={"request_id": "q"})
    refused(answer, 404, "not_found")


async def test_a_student_of_another_room_is_refused(api: Api) -> None:
    drop, eve = await api.made_drop(), await api.student("eve", "other")
    answer = await eve.post(f"/v1/drops/{drop['id']}/claims", json={"request_id": "q"})
    refused(answer, 403, "wrong_room")


async def test_only_students_claim(api: Api) -> None:
    drop = await api.made_drop()
    for client in (await api.teacher(), await api.operator(), await api.service()):
        answer = await client.post(f"/v1/drops/{drop['id']}/claims", json={"request_id": "q"})
        refused(answer, 403, "wrong_role")


async def test_a_desk_that_is_fenced_asks_to_come_again(api: Api, desk: Desk) -> None:
    drop, ann = await api.made_drop(), await api.student()
    for shard in range(SHARDS):
        await desk.fence.shut(shard)
    answer = await _claim(ann, drop)
    assert answer["outcome"] == "retry"
    assert int(str(answer["retry_after_ms"])) > 0


async def test_the_ledger_is_asked_once_for_a_drop(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop, ann, bob = await api.made_drop(), await api.student(), await api.student("bob")
    await _claim(ann, drop)
    await api.parts.ledger.close()
    monkeypatch.setattr(api.parts.ledger, "read", _nobody_asks)
    assert (await _claim(bob, drop))["outcome"] == "won"


def _nobody_asks() -> None:
    raise AssertionError("the ledger was asked again")


async def test_the_snapshot_is_the_rooms_welcome(api: Api) -> None:
    shown = good(await (await api.student()).get(f"/v1/rooms/{ROOM}/snapshot"))
    assert (shown["type"], shown["room"], shown["student"]) == ("welcome", ROOM, "ann")
    teacher = await api.teacher()
    refused(await teacher.get(f"/v1/rooms/{ROOM}/snapshot"), 403, "wrong_role")
