"""2,000 students tap at once for 100 units: promises I1, I2, I3, I4 and I6 on real processes.

Half come over sockets, half over HTTP, all over two web processes behind one port.
"""

from functools import partial

import pytest

from tests.races.process_clients import client_for_each_process, servers_of
from tests.races.school import Json, School, SchoolMaker
from tests.support.builders.api import good
from tests.support.clients.crowd import (
    Claimer,
    Crowd,
    Frame,
    SocketClaimer,
    a_crowd,
    all_at_once,
    bearer,
    http_client,
    winners,
)
from tests.support.eventually import eventually

pytestmark = pytest.mark.asyncio

ROOM = "101"
PROCESSES = 2
HALF = 1_000
UNITS = 100
IN_BATCH = 150
FIRST = "first"


async def test_exactly_as_many_win_as_there_are_units(school_maker_on_both: SchoolMaker) -> None:
    school = await school_maker_on_both.one_port(PROCESSES)
    batch_id = await school.made_batch(quantity=IN_BATCH)
    tokens = school.tokens([f"s{n}" for n in range(2 * HALF)], ROOM)
    names = list(tokens)
    over_sockets = {name: tokens[name] for name in names[:HALF]}
    over_http = {name: tokens[name] for name in names[HALF:]}

    async with a_crowd(school.urls, ROOM, over_sockets, over_http) as crowd:
        drop = await school.opened(ROOM, batch_id, quantity=UNITS)
        await crowd.hear("drop_opened")
        async with school.books.watched(drop["id"]):
            answers = await crowd.tap(drop["id"], FIRST, deadline_s=30)
        won = winners(answers)

        await _they_came_over_both_processes(school, crowd)
        assert _outcomes(answers) == {"won": UNITS, "sold_out": 2 * HALF - UNITS}
        await _all_are_confirmed(school, drop["id"], won)
        await school.books.settle(drop["id"])
        await _the_figures_are_right(school, batch_id, drop["id"])
        await _winners_are_told_their_coupon(school, won, tokens)
        await _the_same_tap_wins_again(school, drop["id"], won, tokens)
        await _who_was_refused_is_decided_afresh(school, crowd, drop["id"], won)
        await school.books.settle(drop["id"])


async def _they_came_over_both_processes(school: School, crowd: Crowd) -> None:
    by_socket = {one.port for one in crowd.sockets}
    by_http = {one.port for one in crowd.over_http if one.port is not None}
    for ports in (by_socket, by_http):
        await eventually(partial(_are_served_by_all, school, ports))


def _are_served_by_all(school: School, ports: set[int]) -> bool:
    return len(servers_of(school.webs[0], ports)) == PROCESSES


def _outcomes(answers: list[tuple[Claimer, Frame]]) -> dict[str, int]:
    found = [answer["outcome"] for _, answer in answers]
    return {outcome: found.count(outcome) for outcome in sorted(set(found), reverse=True)}


async def _all_are_confirmed(school: School, drop_id: str, won: list[Claimer]) -> None:
    async def all_in_ledger() -> bool:
        return len(await school.books.claims(drop_id)) >= UNITS

    await eventually(all_in_ledger, deadline_s=15)
    rows = await school.books.claims(drop_id)
    assert sorted(row.student for row in rows) == sorted(one.student for one in won)
    assert sorted(row.unit for row in rows) == list(range(1, UNITS + 1))
    assert {row.state for row in rows} == {"live"}


async def _the_figures_are_right(school: School, batch_id: str, drop_id: str) -> None:
    path = f"/v1/rooms/{ROOM}/drops/{drop_id}"

    async def everyone_is_counted() -> bool:
        return bool((await school.seen(path))["present"] == HALF)

    # Each process reports its own count at an interval, and later when it is busy: the sum of both is
    # right only after the next report.
    await eventually(everyone_is_counted, deadline_s=15)
    drop = await school.seen(path)
    wanted = {
        "state": "sold_out",
        "quantity": UNITS,
        "remaining": 0,
        "claimed": UNITS,
        "confirmed": UNITS,
        "returned": 0,
        "difference": 0,
        "present": HALF,
    }
    assert {name: drop[name] for name in wanted} == wanted
    assert (await school.seen(f"/v1/batches/{batch_id}"))["remaining"] == IN_BATCH - UNITS


async def _winners_are_told_their_coupon(
    school: School, won: list[Claimer], tokens: dict[str, str]
) -> None:
    """Over the socket by itself; who has none looks into the wallet."""
    told = {
        one.student: (await one.until("claim_confirmed"))["coupon"]["id"]
        for one in won
        if isinstance(one, SocketClaimer)
    }
    async with http_client(school.urls[0]) as client:
        for one in won:
            answer = await client.get("/v1/me/coupons", headers=bearer(tokens[one.student]))
            (coupon,) = good(answer)["coupons"]
            assert told.get(one.student, coupon["id"]) == coupon["id"]
            assert coupon["state"] == "usable"
    assert 0 < len(told) < len(won), "won over one way only: the crowd was not mixed"


async def _the_same_tap_wins_again(
    school: School, drop_id: str, won: list[Claimer], tokens: dict[str, str]
) -> None:
    again = await all_at_once([partial(one.claim, drop_id, FIRST) for one in won])
    assert {answer["outcome"] for answer in again} == {"won"}
    async with client_for_each_process(school.webs[0], PROCESSES) as clients:
        for client in clients:
            for one in won:
                answer: Json = good(
                    await client.post(
                        f"/v1/drops/{drop_id}/claims",
                        json={"request_id": FIRST},
                        headers=bearer(tokens[one.student]),
                    )
                )
                assert (answer["outcome"], "coupon" in answer) == ("won", True)


async def _who_was_refused_is_decided_afresh(
    school: School, crowd: Crowd, drop_id: str, won: list[Claimer]
) -> None:
    """Claim again with the very same request: `sold_out` is no promise, and there are more units now."""
    async with school.operator() as teacher:
        body = {"add": 2, "expected_quantity": UNITS}
        good(await teacher.post(f"/v1/rooms/{ROOM}/drops/{drop_id}/top-up", json=body))
    has_won = {one.student for one in won}
    for refused in (crowd.sockets, crowd.over_http):
        one = next(one for one in refused if one.student not in has_won)
        assert (await one.claim(drop_id, FIRST))["outcome"] == "won"
