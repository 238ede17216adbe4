"""A class taps while one teacher tops up and another closes: I1 and I6 when everything moves at once."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest

import httpx
import pytest

from tests.races.school import Json, School, SchoolMaker
from tests.support.builders.api import good
from tests.support.clients.crowd import Claimer, Crowd, Frame, a_crowd, all_at_once, winners

pytestmark = pytest.mark.asyncio

ROOM = "101"
ROUNDS = 4
OVER_EACH_WAY = 60
LATE = 3  # of those over HTTP: they tap when the close has been answered, while others still do
IN_BATCH = 90
AT_FIRST = 20
TOP_UPS = (10, 20, 30, 40)  # not all of them fit into the batch
BEFORE_THE_END = 10  # taps and top-ups that are let go before the close, at least


async def test_units_add_up_whatever_comes_first(
    school_maker_on_both: SchoolMaker, dice: random.Random
) -> None:
    school = await school_maker_on_both.two_ports()
    tokens = list(school.tokens([f"s{n}" for n in range(2 * OVER_EACH_WAY)], ROOM).items())
    sockets, over_http = dict(tokens[:OVER_EACH_WAY]), dict(tokens[OVER_EACH_WAY:])
    async with (
        a_crowd(school.urls, ROOM, sockets, over_http) as crowd,
        school.operator(0) as one,
        school.operator(1) as other,
    ):
        for number in range(ROUNDS):
            batch_id = await school.made_batch(quantity=IN_BATCH)
            drop = await school.opened(ROOM, batch_id, quantity=AT_FIRST)
            lesson = Lesson(school, crowd, (one, other), dice, drop)
            async with school.books.watched(drop["id"]):
                await all_at_once(lesson.jobs())
            await check(lesson, f"round {number}")


@dataclass(slots=True)
class Lesson:
    """One drop from its opening to its end, and what everybody was told."""

    school: School
    crowd: Crowd
    teachers: tuple[httpx.AsyncClient, httpx.AsyncClient]
    dice: random.Random
    drop: Json
    answers: list[tuple[Claimer, Frame]] = field(default_factory=list)
    late: list[Frame] = field(default_factory=list)
    granted: int = AT_FIRST

    @property
    def path(self) -> str:
        return f"/v1/rooms/{ROOM}/drops/{self.drop['id']}"

    def jobs(self) -> list[Callable[[], Awaitable[None]]]:
        """Run all in any order, the end somewhere among them. A socket would have its answer before anything
        else has begun: each waits for a neighbour over HTTP, so that both tap to the end."""
        pairs = zip_longest(self.crowd.over_http[:-LATE], self.crowd.sockets)
        jobs: list[Callable[[], Awaitable[None]]] = [
            *(partial(self._tap, *neighbours) for neighbours in pairs),
            *(partial(self._top_up, add) for add in TOP_UPS),
        ]
        self.dice.shuffle(jobs)
        jobs.insert(self.dice.randrange(BEFORE_THE_END, len(jobs) + 1), self._close)
        return jobs

    async def tap_again(self) -> list[Frame]:
        """Those who went away with nothing, once it has ended."""
        refused = [one for one, answer in self.answers if answer["outcome"] != "won"]
        return await all_at_once([partial(one.claim, self.drop["id"], "again") for one in refused])

    async def _tap(self, *neighbours: Claimer | None) -> None:
        for one in neighbours:
            if one is not None:
                self.answers.append((one, await one.claim(self.drop["id"], "first")))

    async def _top_up(self, add: int) -> None:
        """Top up from the drop's present quantity, and try again until it is granted or refused for good."""
        teacher, expected = self.dice.choice(self.teachers), AT_FIRST
        while True:
            body = {"add": add, "expected_quantity": expected}
            answer = await teacher.post(f"{self.path}/top-up", json=body)
            told = answer.json()
            if answer.is_success:
                self.granted += add
                return
            assert told["code"] in ("wrong_state", "stock_short"), answer.text
            if "quantity" not in told:
                return
            expected = told["quantity"]

    async def _close(self) -> None:
        good(await self.dice.choice(self.teachers).post(f"{self.path}/close"))
        self.late = await all_at_once(
            [partial(one.claim, self.drop["id"], "late") for one in self.crowd.over_http[-LATE:]]
        )


async def check(lesson: Lesson, label: str) -> None:
    books, drop_id = lesson.school.books, lesson.drop["id"]
    again = await lesson.tap_again()
    await books.settle(drop_id)  # among others: returned + live = quantity

    won = {one.student for one in winners(lesson.answers)}
    rows, ledger = await books.claims(drop_id), await books.in_ledger(drop_id)
    assert {row.student for row in rows} == won, label
    assert (await books.at_desk(drop_id)).quantity == lesson.granted, label
    assert lesson.granted <= ledger.quantity <= IN_BATCH, label
    assert {answer["outcome"] for _, answer in lesson.answers} <= {"won", "sold_out", "closed"}

    view = await lesson.school.seen(lesson.path)
    assert (view["state"], view["remaining"], view["difference"]) == ("closed", 0, 0), label
    assert view["claimed"] + view["returned"] == view["quantity"], label
    batch = await lesson.school.seen(f"/v1/batches/{lesson.drop['batch_id']}")
    assert batch["remaining"] == IN_BATCH - len(won), label

    closed_at = (await books.row(drop_id)).closed_at
    assert closed_at is not None
    assert all(row.won_at <= closed_at for row in rows), label
    assert [answer["outcome"] for answer in lesson.late] == ["closed"] * LATE, label
    assert {answer["outcome"] for answer in again} <= {"closed"}, label
