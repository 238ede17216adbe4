"""One student taps twenty times on every device there is: promise I2."""

import random
from contextlib import AsyncExitStack
from functools import partial

import pytest

from tests.races.school import SchoolMaker
from tests.support.clients.crowd import Frame, SocketClaimer, all_at_once, join

pytestmark = pytest.mark.asyncio

ROOM = "101"
STUDENTS = 4
SOCKETS_AT_EACH = 3
REQUESTS = 20
UNITS = 200  # more than all their taps: nothing but the limit holds them back


async def test_twenty_requests_over_sockets_at_both_processes_take_one_unit(
    school_maker_on_both: SchoolMaker, dice: random.Random
) -> None:
    school = await school_maker_on_both.two_ports()
    tokens = school.tokens([f"s{n}" for n in range(STUDENTS)], ROOM)
    # One of a drop is all that anybody gets, whatever the batch would allow.
    batch_id = await school.made_batch(quantity=UNITS, per_student=REQUESTS)
    drop_id = (await school.opened(ROOM, batch_id, quantity=UNITS))["id"]

    async with AsyncExitStack() as stack:
        devices = [
            await join(stack, url, ROOM, name, token)
            for url in school.urls * SOCKETS_AT_EACH
            for name, token in tokens.items()
        ]
        async with school.books.watched(drop_id):
            answers = await hammered(devices, drop_id, dice)
        for name in tokens:
            outcomes = sorted(answer["outcome"] for answer in answers[name])
            assert outcomes == ["already_won"] * (REQUESTS - 1) + ["won"], name
            told = [
                (await device.until("claim_confirmed"))["coupon"]["id"]
                for device in devices
                if device.student == name
            ]
            assert len(told) == 2 * SOCKETS_AT_EACH, name
            assert len(set(told)) == 1, "every device is told of the same coupon"

    await school.books.settle(drop_id)
    assert sorted(row.student for row in await school.books.claims(drop_id)) == sorted(tokens)


async def hammered(
    devices: list[SocketClaimer], drop_id: str, dice: random.Random
) -> dict[str, list[Frame]]:
    """Each student's requests, dealt out over all their devices; all at once."""
    jobs = []
    for student in sorted({device.student for device in devices}):
        mine = [device for device in devices if device.student == student]
        requests = [f"tap-{n}" for n in range(REQUESTS)]
        dice.shuffle(requests)
        jobs += [(device, requests[n :: len(mine)]) for n, device in enumerate(mine)]
    dice.shuffle(jobs)
    found = await all_at_once([partial(one.hammer, drop_id, requests) for one, requests in jobs])
    answers: dict[str, list[Frame]] = {}
    for (device, _), frames in zip(jobs, found, strict=True):
        answers.setdefault(device.student, []).extend(frames)
    return answers
