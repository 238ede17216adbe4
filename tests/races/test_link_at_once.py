"""A link of 40 units, claimed by 400 at once over two processes: promises I1 and I2 outside a room.

A desk that looks before it takes oversells in such a rush: tests/races/test_control.py. Here the control is a
link with a unit for everybody: all 400 win it, so nothing but the stock refuses the others.
"""

from collections import Counter
from functools import partial

import pytest

from tests.races.school import Json, School, SchoolMaker
from tests.support.builders.api import good
from tests.support.clients.crowd import all_at_once, bearer, http_client

pytestmark = pytest.mark.asyncio

PROCESSES = 2
STUDENTS = 400
UNITS = 40


async def made_link(school: School, batch_id: str, quantity: int) -> Json:
    async with school.operator() as operator:
        body = {"channel": "posters", "quantity": quantity}
        return good(await operator.post(f"/v1/batches/{batch_id}/links", json=body), 201)


async def rush(school: School, link: Json) -> Counter[str]:
    """Let every student claim by the link, over both processes; count the outcomes."""
    tokens = school.tokens([f"s{n}" for n in range(STUDENTS)], "elsewhere")
    path, body = f"/v1/links/{link['id']}/claims", {"request_id": "r1"}
    async with http_client(school.webs[0].url) as client:
        taps = [
            partial(client.post, path, json=body, headers=bearer(token))
            for token in tokens.values()
        ]
        answers = await all_at_once(taps)
    return Counter(good(answer)["outcome"] for answer in answers)


async def test_a_link_gives_as_many_as_it_has(school_maker_on_both: SchoolMaker) -> None:
    school = await school_maker_on_both.one_port(PROCESSES)
    scarce = await made_link(school, await school.made_batch(quantity=UNITS), UNITS)
    ample = await made_link(school, await school.made_batch(quantity=STUDENTS), STUDENTS)

    outcomes, control = await rush(school, scarce), await rush(school, ample)
    await school.books.settle(scarce["drop_id"], ample["drop_id"])

    assert outcomes == {"won": UNITS, "sold_out": STUDENTS - UNITS}
    assert control == {"won": STUDENTS}
    shown = await school.seen(f"/v1/links/{scarce['id']}")
    assert (shown["state"], shown["claimed"], shown["confirmed"]) == ("exhausted", UNITS, UNITS)
