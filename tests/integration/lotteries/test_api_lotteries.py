"""Lotteries over HTTP, on both databases: made, shown, spun, paused, ended, listed, verified."""

import asyncio
import hashlib
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import update

from server.core.lotteries.draw import number_of, place_of
from server.flows.lotteries.days import move_days_on
from server.flows.lotteries.lotteries import end_over
from server.ledger.tables import lottery_spins
from tests.support.builders.api import Api, Json, field_errors, good, refused

pytestmark = pytest.mark.asyncio
PATH = "/v1/lotteries"
DAY_MS = 86_400_000
SURE = 1_000_000


async def a_lottery(api: Api, batch: Json, ppm: int = SURE, **change: Any) -> Json:
    """Return the body of a lottery with one coupon to win, with these odds."""
    nothing = [{"batch_id": None, "ppm": SURE - ppm}] if ppm < SURE else []
    return {
        "name": "Spring wheel",
        "prizes": [{"batch_id": batch["id"], "ppm": ppm, "quantity": 50}, *nothing],
        "chances": {"per_student": 3, "per_day": 2},
        "window": {"from": "2020-01-01", "until": "2100-01-01"},
        "face": "wheel",
        "empty_policy": "nothing",
        **change,
    }


async def made(api: Api, batch: Json | None = None, ppm: int = SURE, **change: Any) -> Json:
    batch = batch or await api.made_batch(per_student=3)
    body = await a_lottery(api, batch, ppm, **change)
    return good(await (await api.operator()).post(PATH, json=body), 201)


async def spun(api: Api, lottery: Json, student: str, request_id: str) -> Json:
    path = f"{PATH}/{lottery['id']}/spins"
    client = await api.student(student)
    return good(await client.post(path, json={"request_id": request_id}))


async def of_operator(api: Api, lottery: Json, **query: Any) -> list[Json]:
    answer = await (await api.operator()).get(f"{PATH}/{lottery['id']}/spins", params=query)
    found: list[Json] = good(answer)["spins"]
    return found


async def test_a_student_sees_the_odds_and_wins_a_coupon(api: Api) -> None:
    batch = await api.made_batch(per_student=3)
    lottery = await made(api, batch, legal="No purchase needed.")
    ann = await api.student("ann")

    shown = good(await ann.get(f"{PATH}/{lottery['id']}"))
    won = await spun(api, lottery, "ann", "r1")

    assert (shown["open"], shown["chances_left"], shown["spins"]) == (True, 2, 0)
    (prize,) = shown["prizes"]
    assert (prize["ppm"], prize["batch_id"], prize["left"]) == (SURE, batch["id"], True)
    assert prize["template"]["discount"]
    assert "won" not in prize
    assert shown["legal"] == "No purchase needed."
    assert (won["outcome"], won["n"], won["prize"]["place"]) == ("won", 1, 0)
    (coupon,) = good(await ann.get("/v1/me/coupons"))["coupons"]
    assert coupon["id"] == won["coupon"]["id"]
    after = good(await ann.get(f"{PATH}/{lottery['id']}"))
    assert (after["chances_left"], after["spins"]) == (1, 1)
    batch = good(await (await api.operator()).get(f"/v1/batches/{batch['id']}"))
    assert batch["remaining"] == 99


async def test_the_same_request_has_the_same_answer_for_ever(api: Api) -> None:
    lottery = await made(api, ppm=500_000)

    first = [await spun(api, lottery, "ann", one) for one in ("a", "b", "c")]
    api.clock.now += 2 * DAY_MS  # there would be chances again
    bearer = await api.as_("student", "ann", "math-7", exp=api.clock.now // 1000 + 60)  # type: ignore[arg-type]
    again = [
        good(await bearer.post(f"{PATH}/{lottery['id']}/spins", json={"request_id": one}))
        for one in ("a", "b", "c")
    ]

    assert first == again
    assert first[2]["outcome"] == "no_chance_left"
    assert [one.get("n") for one in first] == [1, 2, None]


async def test_requests_at_once_get_one_spin_and_never_more_chances(api: Api) -> None:
    lottery = await made(api, ppm=1)
    same = await asyncio.gather(*(spun(api, lottery, "ann", "same") for _ in range(5)))
    other = await asyncio.gather(*(spun(api, lottery, "bob", f"r{n}") for n in range(6)))

    assert all(one == same[0] for one in same)
    assert Counter(one["outcome"] for one in other) == {"nothing": 2, "no_chance_left": 4}
    assert sorted(one["n"] for one in other if "n" in one) == [1, 2]


async def test_a_prize_that_is_gone_is_nothing_or_the_next_one(api: Api) -> None:
    small = await api.made_batch(per_student=3)
    grand = {"batch_id": (await api.made_batch())["id"], "ppm": 999_999, "quantity": 1}
    prizes = [grand, {"batch_id": small["id"], "ppm": 1}]
    chances = {"per_student": 1}
    plain = await made(api, prizes=prizes, chances=chances)
    moving = await made(api, prizes=prizes, chances=chances, empty_policy="next")

    kept = [await spun(api, plain, one, "r") for one in ("ann", "bob")]
    moved = [await spun(api, moving, one, "r") for one in ("cid", "dan")]

    assert [one["outcome"] for one in kept] == ["won", "nothing"]
    assert [one["prize"]["place"] for one in moved] == [0, 1]
    assert [one["drawn"] for one in moved] == [0, 0]
    shown = good(await (await api.operator()).get(f"{PATH}/{moving['id']}"))
    assert [(one["won"], one["left"]) for one in shown["prizes"]] == [(1, False), (1, True)]


async def test_a_coupon_that_is_refused_gives_the_prize_back(api: Api) -> None:
    """The batch has one for each student, and the second win of a student is beyond that."""
    batch = await api.made_batch(per_student=1, quantity=60)
    lottery = await made(api, batch)

    outcomes = [(await spun(api, lottery, "ann", one))["outcome"] for one in ("a", "b")]

    assert outcomes == ["won", "nothing"]
    (prize,) = good(await (await api.operator()).get(f"{PATH}/{lottery['id']}"))["prizes"]
    assert (prize["won"], prize["won_today"]) == (1, 1)


async def test_nobody_wins_more_in_a_day_than_a_prize_has_for_it(api: Api) -> None:
    batch = await api.made_batch(per_student=3)
    prize = {"batch_id": batch["id"], "ppm": SURE, "quantity": 50, "per_day": 2}
    lottery = await made(api, batch, prizes=[prize])

    outcomes = [(await spun(api, lottery, f"s{n}", "r"))["outcome"] for n in range(4)]

    assert outcomes == ["won", "won", "nothing", "nothing"]


async def test_it_opens_pauses_and_ends(api: Api) -> None:
    lottery, operator = await made(api), await api.operator()
    later = await made(api, window={"from": "2099-01-01"})
    path = f"{PATH}/{lottery['id']}"

    assert (await spun(api, later, "ann", "r"))["outcome"] == "not_open"
    assert good(await operator.patch(path, json={"state": "paused"}))["state"] == "paused"
    assert (await spun(api, lottery, "ann", "r"))["outcome"] == "not_open"
    assert good(await operator.patch(path, json={"state": "active"}))["open"] is True
    assert (await spun(api, lottery, "ann", "r"))["outcome"] == "not_open"  # the answer of before
    assert (await spun(api, lottery, "ann", "r2"))["outcome"] == "won"
    assert good(await operator.patch(path, json={"state": "ended"}))["state"] == "ended"
    refused(await operator.patch(path, json={"state": "active"}), 409, "wrong_state")
    listed = good(await operator.get(PATH, params={"state": "active"}))["lotteries"]
    assert [one["id"] for one in listed] == [later["id"]]


async def test_a_lottery_ends_with_its_window(api: Api) -> None:
    lottery = await made(api)
    await end_over(api.parts.ledger, 4_200_000_000_000)
    shown = good(await (await api.operator()).get(f"{PATH}/{lottery['id']}"))
    assert shown["state"] == "ended"


async def test_claims_that_are_stopped_close_it_and_cost_no_chance(api: Api) -> None:
    batch, operator = await api.made_batch(per_student=3), await api.operator()
    lottery = await made(api, batch)
    await operator.post(f"/v1/batches/{batch['id']}/stop", json={"claims": True, "reason": "x"})
    stopped = await spun(api, lottery, "ann", "r")
    await operator.post(f"/v1/batches/{batch['id']}/resume", json={"claims": True})

    assert stopped["outcome"] == "not_open"
    assert (await spun(api, lottery, "ann", "r2"))["n"] == 1


async def test_a_block_wins_nothing(api: Api) -> None:
    """The rules in memory are a moment behind: the issuance asks the ledger."""
    lottery = await made(api)
    body = {"kind": "student", "value": "eve", "reason": "farm"}
    good(await (await api.operator()).post("/v1/blocks", json=body), 201)
    assert (await spun(api, lottery, "eve", "r"))["outcome"] == "nothing"


async def test_each_spin_can_be_computed_again_when_the_seed_is_out(api: Api) -> None:
    lottery = await made(api, ppm=400_000, chances={"per_student": 20})
    for n in range(8):
        await spun(api, lottery, "ann", f"r{n}")
    await spun(api, lottery, "bob", "r")
    ann = await api.student("ann")
    before = good(await ann.get(f"{PATH}/{lottery['id']}/spins"))["spins"]
    parts = api.parts

    await move_days_on(parts.ledger, parts.time_zone, parts.clock() + DAY_MS + 60_000)
    after = good(await ann.get(f"{PATH}/{lottery['id']}/spins"))["spins"]

    assert [one["n"] for one in before] == [8, 7, 6, 5, 4, 3, 2, 1]
    assert not any("seed" in one for one in before)
    for one in after:
        seed = bytes.fromhex(one["seed"])
        assert hashlib.sha256(seed).hexdigest() == one["commitment"]
        assert number_of(seed, lottery["id"], "ann", one["n"]) == one["number"]
        assert place_of([400_000, 600_000], one["number"]) == one["drawn"]
        assert one["outcome"] == ("won" if one["drawn"] == 0 and "coupon_id" in one else "nothing")
    seeds = {one["day"]: one["commitment"] for one in lottery["days"]}
    assert seeds[after[0]["day"]] == after[0]["commitment"]
    assert len(seeds) == 2


async def test_operators_see_all_spins_and_students_their_own(api: Api) -> None:
    lottery = await made(api, ppm=1)
    for name in ("ann", "bob"):
        await spun(api, lottery, name, "r")

    mine = good(
        await (await api.student("ann")).get(
            f"{PATH}/{lottery['id']}/spins", params={"student": "bob"}
        )
    )["spins"]

    assert [one["student"] for one in mine] == ["ann"]
    assert [one["student"] for one in await of_operator(api, lottery)] == ["bob", "ann"]
    assert len(await of_operator(api, lottery, student="bob", outcome="nothing")) == 1
    page = good(
        await (await api.finance()).get(f"{PATH}/{lottery['id']}/spins", params={"limit": 1})
    )
    assert page["next"] == page["spins"][0]["id"]
    refused(await (await api.service()).get(f"{PATH}/{lottery['id']}/spins"), 403, "wrong_role")


async def test_what_cannot_be_drawn_is_refused(api: Api) -> None:
    batch, operator = await api.made_batch(quantity=10), await api.operator()
    body = await a_lottery(api, batch)
    prize = {"batch_id": batch["id"], "ppm": SURE}
    bad: dict[str, Json] = {
        "prizes": {"prizes": [{**prize, "ppm": 5}]},
        "prizes.0.batch_id": {"prizes": [{**prize, "batch_id": "bat_none"}]},
        "prizes.1.quantity": {
            "prizes": [{**prize, "ppm": 1}, {"batch_id": None, "ppm": 999_999, "quantity": 1}]
        },
        "chances.per_day": {"chances": {"per_student": 1, "per_day": 2}},
        "window.until": {"window": {"from": "2030-01-02", "until": "2030-01-01T00:00:00Z"}},
        "conditions": {"conditions": {}},
    }
    before = await api.row_counts()
    for field, change in bad.items():
        problem = refused(await operator.post(PATH, json={**body, **change}), 422, "invalid_field")
        assert field in {one["field"] for one in problem["errors"]}, field
    short = refused(await operator.post(PATH, json=body), 409, "stock_short")
    assert short["available"] == 10
    assert await api.row_counts() == before
    refused(await (await api.student()).post(PATH, json=body), 403, "wrong_role")
    spins = f"{PATH}/lot_none/spins"
    refused(await (await api.student()).post(spins, json={"request_id": "r"}), 404, "not_found")
    refused(await operator.get(spins), 404, "not_found")
    assert field_errors is not None


async def test_one_key_makes_one_lottery(api: Api) -> None:
    batch, operator = await api.made_batch(), await api.operator()
    body, headers = await a_lottery(api, batch), {"Idempotency-Key": "k"}
    first = good(await operator.post(PATH, json=body, headers=headers), 201)
    again = good(await operator.post(PATH, json=body, headers=headers), 201)
    assert first["id"] == again["id"]


async def test_who_has_won_waits_until_the_days_of_the_limit_are_over(api: Api) -> None:
    lottery = await made(api, win_limit={"count": 1, "days": 2}, chances={"per_student": 9})
    assert lottery["win_limit"] == {"count": 1, "days": 2}
    assert (await spun(api, lottery, "ann", "r1"))["outcome"] == "won"

    again = await spun(api, lottery, "ann", "r2")
    shown = good(await (await api.student("ann")).get(f"{PATH}/{lottery['id']}"))
    assert (again["outcome"], shown["chances_left"]) == ("no_chance_left", 0)
    assert (await spun(api, lottery, "bob", "r1"))["outcome"] == "won"

    async with api.parts.ledger.begin() as conn:  # two days ago
        await conn.execute(update(lottery_spins).values(day=lottery_spins.c.day - 2))
    assert (await spun(api, lottery, "ann", "r3"))["outcome"] == "won"


async def test_two_spins_at_once_win_no_more_than_the_limit(api: Api) -> None:
    lottery = await made(api, win_limit={"count": 1, "days": 30}, chances={"per_student": 9})
    answers = await asyncio.gather(*(spun(api, lottery, "ann", f"r{n}") for n in range(6)))
    assert Counter(one["outcome"] for one in answers) == {"won": 1, "no_chance_left": 5}
