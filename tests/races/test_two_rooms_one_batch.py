"""Two rooms drop the same batch at the same moment, each through a process of its own: I1 and I2
where several drops share what they have."""

import random
from functools import partial

import httpx
import pytest

from tests.races.school import Json, School, SchoolMaker
from tests.support.builders.api import a_drop, good, refused
from tests.support.clients.crowd import Claimer, a_crowd, all_at_once

pytestmark = pytest.mark.asyncio

ROOMS = ("101", "102")
IN_BATCH = 100
IN_DROP = 7
POSTS_A_ROOM = 20  # together 280 units, of 100


async def test_rooms_together_never_get_more_than_the_batch_has(
    school_maker_on_both: SchoolMaker, dice: random.Random
) -> None:
    school = await school_maker_on_both.two_ports()
    batch_id = await school.made_batch(quantity=IN_BATCH)
    wanted = [room for room in ROOMS for _ in range(POSTS_A_ROOM)]
    dice.shuffle(wanted)

    answers = await dropped_at_once(school, batch_id, wanted)

    made = [good(answer, 201) for answer in answers if answer.status_code == 201]
    short = [refused(answer, 409, "stock_short") for answer in answers if answer.is_error]
    left = IN_BATCH % IN_DROP
    assert len(made) == IN_BATCH // IN_DROP, wanted
    # Whoever is refused is so because less than a drop is left, and all drops are of one size.
    assert {problem["available"] for problem in short} == {left}, wanted
    assert (await school.seen(f"/v1/batches/{batch_id}"))["remaining"] == left
    await school.books.settle(*(drop["id"] for drop in made))


async def test_room_never_gets_more_than_its_share(
    school_maker: SchoolMaker, dice: random.Random
) -> None:
    school = await school_maker.two_ports()
    shares = [{"room": ROOMS[0], "quantity": 3 * IN_DROP}, {"room": ROOMS[1]}]
    batch_id = await school.made_batch(quantity=IN_BATCH, rooms=shares)
    wanted = [ROOMS[0]] * POSTS_A_ROOM + [ROOMS[1]] * 5
    dice.shuffle(wanted)

    answers = await dropped_at_once(school, batch_id, wanted)

    made = [good(answer, 201) for answer in answers if answer.status_code == 201]
    short = [refused(answer, 409, "stock_short") for answer in answers if answer.is_error]
    assert sorted(drop["room"] for drop in made) == [ROOMS[0]] * 3 + [ROOMS[1]] * 5, wanted
    assert {problem["available"] for problem in short} == {0}, wanted
    await school.books.settle(*(drop["id"] for drop in made))


@pytest.mark.parametrize(("per_student", "rooms"), [(1, 2), (2, 3)])
async def test_student_in_several_rooms_wins_no_more_than_the_batch_allows(
    school_maker: SchoolMaker, dice: random.Random, per_student: int, rooms: int
) -> None:
    """Everybody sits in all rooms at once, on a socket at one process and over HTTP at the other."""
    school = await school_maker.two_ports()
    names = [f"r{n}" for n in range(1, rooms + 1)]
    batch_id = await school.made_batch(quantity=rooms * 50, per_student=per_student)
    drops = {room: (await school.opened(room, batch_id, quantity=50))["id"] for room in names}
    tokens = school.tokens([f"s{n}" for n in range(40)], *names)
    students = list(tokens)

    outcomes: dict[str, list[str]] = {student: [] for student in tokens}

    async def tap(one: Claimer, drop_id: str) -> None:
        answer = await one.claim(drop_id, f"in-{drop_id}")
        outcomes[one.student].append(answer["outcome"])
        assert answer.get("limit", "batch") == "batch"

    sockets = dict(list(tokens.items())[:20])
    async with (
        a_crowd(school.urls, names[0], sockets, tokens) as first,
        a_crowd(school.urls[::-1], names[1], sockets, tokens) as second,
    ):
        taps = [
            *((one, drops[names[0]]) for one in first.claimers),
            *((one, drops[names[1]]) for one in second.claimers),
            *((one, drops[room]) for room in names[2:] for one in second.over_http),
        ]
        dice.shuffle(taps)
        async with school.books.watched(*drops.values()):
            await all_at_once([partial(tap, *each) for each in taps])
    await school.books.settle(*drops.values())
    for student in students:
        held = await _held(school, student, drops)
        assert held == per_student, (student, outcomes[student])
        assert "limit_reached" in outcomes[student], (student, outcomes[student])


async def dropped_at_once(school: School, batch_id: str, rooms: list[str]) -> list[httpx.Response]:
    """One POST for each of these rooms, in turn at each process."""
    body: Json = {"batch_id": batch_id, **a_drop(quantity=IN_DROP)}
    async with school.operator(0) as one, school.operator(1) as other:
        teachers = (one, other)
        return await all_at_once(
            [
                partial(teachers[n % 2].post, f"/v1/rooms/{room}/drops", json=body)
                for n, room in enumerate(rooms)
            ]
        )


async def _held(school: School, student: str, drops: dict[str, str]) -> int:
    rows = [row for drop_id in drops.values() for row in await school.books.claims(drop_id)]
    return sum(row.student == student for row in rows)
