"""One student taps twenty times on every device there is: promise I2."""

import random
from contextlib import AsyncExitStack
from functools import partial

import pytest

from tests.races.school import SchoolMaker
from tests.support.crowd import Claimer, HttpClaimer, SharedHttp, all_at_once, http_client, join

pytestmark = pytest.mark.asyncio

ROOM = "101"
STUDENTS = 4
SOCKETS_AT_EACH = 3
REQUESTS = 20
UNITS = 200  # more than all their taps: only the limit holds them back


async def test_twenty_requests_over_sockets_at_both_processes_take_one_unit(
    school_maker_on_both: SchoolMaker, dice: random.Random
) -> None:
    school = await school_maker_on_both.two_ports()
    tokens = school.tokens([f"s{n}" for n in range(STUDENTS)], ROOM)
    batch_id = await school.made_batch(quantity=UNITS, per_student=REQUESTS)
    drop_id = (await school.opened(ROOM, batch_id, quantity=UNITS))["id"]
    urls = school.urls * SOCKETS_AT_EACH

    async with AsyncExitStack() as stack:
        sockets = {
            name: [await join(stack, url, ROOM, name, token) for url in urls]
            for name, token in tokens.items()
        }
        taps = [
            (sockets[name], n, f"tap-{n}") for name in tokens for n in range(REQUESTS)
        ]
        dice.shuffle(taps)
        # A socket waits for one answer at a time: each hammers with its own share of the requests.
        async with school.books.watched(drop_id):
            answers = await all_at_once(
                [
                    partial(_hammer, one, drop_id, requests)
                    for one, requests in _shares(taps, len(urls))
                ]
            )
        for name, mine in sockets.items():
            outcomes = [o for student, found in answers for o in found if student == name]
            assert sorted(outcomes) == ["already_won"] * (REQUESTS - 1) + ["won"], (name, outcomes)
            told = [(await one.until("claim_confirmed"))["coupon"]["id"] for one in mine]
            assert len(set(told)) == 1, "each device is told of the same coupon"

    await school.books.settle(drop_id)
    assert sorted(row.student for row in await school.books.claims(drop_id)) == sorted(tokens)
