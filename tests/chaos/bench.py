"""Runs rounds: students tap, instructors open drops, a shop sells, a nemesis injects faults; then the checker
judges.

Called by `__main__.py` and by tests/system/test_chaos.py. A seed fixes the faults and the intentions, not the
interleaving, which is the machine's. The history is kept for that reason.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from client_sdk.python import Status
from server.core.identity import Role
from tests.chaos.actors.api_clients import open_api
from tests.chaos.actors.clients import Student
from tests.chaos.actors.giver import Giver
from tests.chaos.actors.other_ways import ROOM as HALL
from tests.chaos.actors.other_ways import STUDENTS as IN_HALL
from tests.chaos.actors.other_ways import OtherWays, all_batches
from tests.chaos.actors.staff import Caller, Office, Shop, Teacher
from tests.chaos.availability import watch_availability
from tests.chaos.checks.checker import Violation, check, screen_differences
from tests.chaos.final_state import Screen
from tests.chaos.history import History, now_ms
from tests.chaos.nemesis import Nemesis
from tests.chaos.report import Report
from tests.chaos.site import WEBS, Site
from tests.chaos.state_reader import Reader, screens
from tests.support.eventually import eventually

ROOMS = ("algebra", "physics")
_STUDENTS = 12  # in each room
_SECOND_DEVICES = 3  # of the students, who use two devices
_BATCH = (40, 90)
_PER_STUDENT = 2


@dataclass(slots=True)
class Bench:
    """The bench. `report_line` is called with a line about each round.

    `settle_deadline_s` limits each step from the end of the faults until nothing is under way; no step should
    take a tenth of it.
    """

    site: Site
    history: History
    seed: int
    report_line: Callable[[str], None] = lambda _: None
    settle_deadline_s: float = 120.0
    report: Report = field(default_factory=Report)
    _screens: tuple[Screen, ...] = ()
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def run(self, seconds: float, round_seconds: float) -> Report:
        """Run rounds with `round_seconds` of faults each, until `seconds` are over. Stop after the first
        round that broke a promise: later ones would only report it again."""
        ends_at = now_ms() + seconds * 1000
        async with self._open, self._everybody() as students:
            while not self.report.violations:
                await self._round(self.report.rounds + 1, round_seconds, students)
                if now_ms() >= ends_at:
                    break
        return self.report

    async def _round(self, number: int, seconds: float, students: Sequence[Student]) -> None:
        self.history.next_round()
        batches = await self._batches(number)
        teachers = await self._teachers(number, batches)
        shop = Shop(await self._caller(Role.SERVICE, "shop", number), f"r{number}")
        names = sorted({student.name for student in students})
        giver = Giver(
            await self._caller(Role.SERVICE, "crm", number), batches[-1], names, f"r{number}"
        )
        ways = await self._other_ways(number)
        for student in students:
            student.is_quiet = False
        work = [*(teacher.teach for teacher in teachers), shop.trade, giver.give, ways.go]
        healed_at = await self._under_fault(number, seconds, work)
        for student in students:
            student.is_quiet = True
        violations = await self._settled(students, Reader(self.site, batches))
        self.report.add_round(self.history, violations, now_ms() - healed_at)
        self.report_line(f"round {number}: {len(violations)} broken promises")
        for one in violations:
            self.report_line(f"{one.promise}: {one.text}")
        await asyncio.gather(*(teacher.close_all() for teacher in teachers))

    async def _under_fault(
        self,
        number: int,
        seconds: float,
        work: Sequence[Callable[[asyncio.Event], Coroutine[Any, Any, None]]],
    ) -> int:
        """Run the faults while everybody works; return the moment at which all was healed, once every call
        has its answer.
        """
        nemesis = Nemesis(self.site, self.history, self._dice(f"nemesis {number}"))
        over = asyncio.Event()
        async with (
            asyncio.timeout(seconds + 2 * self.settle_deadline_s),
            asyncio.TaskGroup() as tasks,
        ):
            for one in work:
                tasks.create_task(one(over))
            await nemesis.run(nemesis.plan(seconds))
            healed_at = now_ms()
            over.set()
            await self.site.until_ready()
        return healed_at

    async def _settled(self, students: Sequence[Student], reader: Reader) -> list[Violation]:
        await (
            self.site.redis.connection_pool.disconnect()
        )  # drops the connections that the faults broke
        violations, self._screens = [], ()
        steps = {
            "answers": lambda: _all_idle(students),
            "books": reader.is_quiet,
            "screens": lambda: self._views_agree(students),
        }
        for name, step in steps.items():
            try:
                await eventually(step, self.settle_deadline_s)
            except AssertionError as error:
                violations.append(Violation("quiet", f"{name}: {error}"))
        return violations + check(self.history, await reader.final_state(self._screens))

    async def _views_agree(self, students: Sequence[Student]) -> bool:
        """Check that each screen shows what a student who joins now would see.

        Called again if they differ: a drop may end by its time between two reads. At the deadline the checker
        says which screens differ.
        """
        self._screens = await screens(self.site, students)
        differences = [line for screen in self._screens for line in screen_differences(screen)]
        assert not differences, f"{len(differences)} differences, the first: {differences[0]}"
        return True

    # --- the people ---------------------------------------------------------------------------

    @asynccontextmanager
    async def _everybody(self) -> AsyncIterator[list[Student]]:
        students = [self._student(room, n) for room in ROOMS for n in range(_STUDENTS)]
        students += [self._student(room, n, 1) for room in ROOMS for n in range(_SECOND_DEVICES)]
        async with asyncio.TaskGroup() as tasks:
            sitting = [tasks.create_task(student.attend()) for student in students]
            sitting.append(tasks.create_task(watch_availability(self.site, self.history)))
            sitting.append(tasks.create_task(self.site.restart_ended()))
            yield students
            for one in sitting:
                one.cancel()

    def _student(self, room: str, number: int, device: int = 0) -> Student:
        name, urls = f"{room}-{number}", self.site.urls
        at = (number + device) % len(urls)
        return Student(
            name=name,
            room=room,
            token=self.site.token(Role.STUDENT, name, room),
            web=WEBS[at],
            home=urls[at],
            other=urls[at - 1],
            dice=self._dice(f"{name} {device}"),
            history=self.history,
        )

    async def _teachers(self, number: int, batches: Sequence[str]) -> list[Teacher]:
        """Create an instructor for each room, with a batch of its own and one that both rooms use."""
        return [
            Teacher(
                await self._caller(Role.INSTRUCTOR, f"teacher-{room}", number, room),
                room,
                (own, batches[-1]),
                f"{room}-{number}",
            )
            for room, own in zip(ROOMS, batches, strict=False)
        ]

    async def _batches(self, number: int) -> list[str]:
        office = Office(await self._caller(Role.OPERATOR, "olga", number))
        dice = office.caller.dice
        template = await office.make_template()
        sizes = [dice.randint(*_BATCH) for _ in (*ROOMS, "both")]
        return [await office.make_batch(template, size, _PER_STUDENT) for size in sizes]

    async def _other_ways(self, number: int) -> OtherWays:
        office = Office(await self._caller(Role.OPERATOR, "olga", number))
        template = await office.make_template()
        batches = [await office.make_batch(template, 200, 50) for _ in range(3)]
        hall = {name: await self._caller(Role.STUDENT, name, number, HALL) for name in IN_HALL}
        return OtherWays(office.caller, hall, **all_batches(batches), label=f"r{number}")

    async def _caller(self, role: Role, who: str, number: int, *rooms: str) -> Caller:
        token = self.site.token(role, who, *rooms)
        apis = [
            await self._open.enter_async_context(open_api(url, token)) for url in self.site.urls
        ]
        return Caller(who, apis, self._dice(f"{who} {number}"), self.history)

    def _dice(self, whose: str) -> random.Random:
        return random.Random(f"{self.seed} {whose}")


def _all_idle(students: Sequence[Student]) -> bool:
    busy = [one.name for one in students if not one.is_idle]
    assert not busy, f"still waiting for answers: {busy}"
    away = [
        one.name for one in students if one.state is None or one.state.status is not Status.LIVE
    ]
    assert not away, f"not in the room: {away}"
    return True
