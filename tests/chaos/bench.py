"""Rounds: a class taps, teachers drop, a shop sells, a nemesis breaks things; then quiet, and a verdict.

Called by `__main__.py` and by tests/system/test_chaos.py. Timing is the machine's, so a seed gives the same
faults and the same intentions, not the same interleaving: the history is kept for that.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from client_sdk.python import Status
from server.core.identity import Role
from tests.chaos.checker import Violation, check, screen_differences
from tests.chaos.clients import Student
from tests.chaos.doors import door
from tests.chaos.ending import Screen
from tests.chaos.history import History, now_ms
from tests.chaos.nemesis import Nemesis
from tests.chaos.reading import Reader, screens
from tests.chaos.report import Report
from tests.chaos.site import WEBS, Site
from tests.chaos.staff import Caller, Office, Shop, Teacher
from tests.chaos.watch import watch
from tests.support.eventually import eventually

ROOMS = ("algebra", "physics")
_STUDENTS = 12  # in each room
_SECOND_DEVICES = 3  # of these
_BATCH = (40, 90)
_PER_STUDENT = 2


@dataclass(slots=True)
class Bench:
    """`say` is told how each round went. `patience_s`: give-up time of each step from the end of the
    faults until all is quiet; none should take a tenth of it."""

    site: Site
    history: History
    seed: int
    say: Callable[[str], None] = lambda _: None
    patience_s: float = 120.0
    report: Report = field(default_factory=Report)
    _screens: tuple[Screen, ...] = ()
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def run(self, seconds: float, round_seconds: float) -> Report:
        """Rounds with `round_seconds` of faults each, until `seconds` are over. Ends with the first that
        broke a promise: what comes after it would only say so again."""
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
        for student in students:
            student.is_quiet = False
        healed_at = await self._under_fault(number, seconds, teachers, shop)
        for student in students:
            student.is_quiet = True
        violations = await self._settled(students, Reader(self.site, batches))
        self.report.add_round(self.history, violations, now_ms() - healed_at)
        self.say(f"round {number}: {len(violations)} broken promises")
        for one in violations:
            self.say(f"{one.promise}: {one.text}")
        await asyncio.gather(*(teacher.close_all() for teacher in teachers))

    async def _under_fault(
        self, number: int, seconds: float, teachers: Sequence[Teacher], shop: Shop
    ) -> int:
        """When all was healed. Returns when everybody has the answers to what they asked."""
        nemesis = Nemesis(self.site, self.history, self._dice(f"nemesis {number}"))
        over = asyncio.Event()
        async with asyncio.timeout(seconds + 2 * self.patience_s), asyncio.TaskGroup() as tasks:
            for teacher in teachers:
                tasks.create_task(teacher.teach(over))
            tasks.create_task(shop.trade(over))
            await nemesis.carry_out(nemesis.plan(seconds))
            healed_at = now_ms()
            over.set()
            await self.site.until_ready()
        return healed_at

    async def _settled(self, students: Sequence[Student], reader: Reader) -> list[Violation]:
        await self.site.redis.connection_pool.disconnect()  # those that the faults broke
        violations, self._screens = [], ()
        steps = {
            "answers": lambda: _all_idle(students),
            "books": reader.is_quiet,
            "screens": lambda: self._same(students),
        }
        for name, step in steps.items():
            try:
                await eventually(step, self.patience_s)
            except AssertionError as error:
                violations.append(Violation("quiet", f"{name}: {error}"))
        return violations + check(self.history, await reader.ending(self._screens))

    async def _same(self, students: Sequence[Student]) -> bool:
        """The screens become what one who joins is told; the verdict says which did not. Looked at again
        where they differ: a drop may end by its time between two looks."""
        self._screens = await screens(self.site, students)
        differences = [line for screen in self._screens for line in screen_differences(screen)]
        assert not differences, f"{len(differences)} differences, the first: {differences[0]}"
        return True

    # --- who is there ---------------------------------------------------------------------------

    @asynccontextmanager
    async def _everybody(self) -> AsyncIterator[list[Student]]:
        students = [self._student(room, n) for room in ROOMS for n in range(_STUDENTS)]
        students += [self._student(room, n, 1) for room in ROOMS for n in range(_SECOND_DEVICES)]
        async with asyncio.TaskGroup() as tasks:
            sitting = [tasks.create_task(student.sit()) for student in students]
            sitting.append(tasks.create_task(watch(self.site, self.history)))
            sitting.append(tasks.create_task(self.site.keep_up()))
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
        """Each room has a batch of its own, and one that both drop from."""
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

    async def _caller(self, role: Role, who: str, number: int, *rooms: str) -> Caller:
        token = self.site.token(role, who, *rooms)
        doors = [await self._open.enter_async_context(door(url, token)) for url in self.site.urls]
        return Caller(who, doors, self._dice(f"{who} {number}"), self.history)

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
