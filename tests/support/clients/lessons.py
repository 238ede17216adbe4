"""A lesson that goes on while its server is restarted: students who claim one after the other for as long
as it takes, the teacher's report at the end, and a probe that opens new connections all the time.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from loadtest.clients.tokens import SignedTokens
from loadtest.storm.classroom import Classroom, StormPlan, StormRun, open_classroom
from loadtest.storm.recording import Absence
from tests.support.eventually import eventually
from tests.support.servers.stack import SECRET, Program

PROBE_SECONDS = 10.0  # to be let in, not a speed claim
_PROBE_EVERY_S = 0.02
BACK_GIVE_UP_S = 100.0


@dataclass(slots=True)
class Lesson:
    """A drop is open and students tap. `storm` is there after the block."""

    classroom: Classroom
    storm: StormRun | None = None

    async def until(self, check: Callable[[], object], deadline_s: float = 60) -> None:
        """Waits without leaving the crowd's reports unread."""

        def looked() -> bool:
            self.classroom.read_progress()
            return bool(check())

        await eventually(looked, deadline_s)

    @property
    def answered(self) -> int:
        return self.classroom.workers.read_progress().answered

    @property
    def absences(self) -> list[Absence]:
        return [absence for one in self.ended.recordings for absence in one.absences]

    @property
    def losses(self) -> dict[str, int]:
        """The number of lost connections, by the way they were lost."""
        return {
            trouble: times
            for one in self.ended.recordings
            for trouble, times in one.troubles.items()
            if trouble.startswith("lost")
        }

    @property
    def here(self) -> int:
        return sum(sum(one.connected) for one in self.ended.recordings)

    @property
    def ended(self) -> StormRun:
        assert self.storm is not None
        return self.storm


@asynccontextmanager
async def a_lesson(
    web: Program, students: int, stock: int, seconds: float
) -> AsyncIterator[Lesson]:
    """Everybody is in, the drop is open; each student taps at a moment of their own within `seconds`.
    After the block: all are answered, the books are read, everybody is back and goes home."""
    plan = StormPlan(
        students=students,
        stock=stock,
        reaction_ms=int(seconds * 1000),
        answer_seconds=60,
        sends_seen=False,
    )
    async with open_classroom(web.url, SignedTokens(SECRET, "lesson"), plan) as classroom:
        await classroom.open_drop()
        lesson = Lesson(classroom)
        yield lesson
        await classroom.wait_for_answers()
        await classroom.wait_until_settled()
        try:
            await lesson.until(lambda: not classroom.workers.read_progress().away, BACK_GIVE_UP_S)
        finally:
            lesson.storm = await classroom.finish()
            # Shown where the test fails: how those who are not back lost their connections.
            troubles = [dict(one.troubles) for one in lesson.storm.recordings]
            structlog.get_logger().info("crowd_troubles", troubles=troubles)


@dataclass(slots=True)
class Probes:
    """The outcomes of new connections, opened one after the other, each with a request for `/livez`."""

    answered: int = 0
    refused: list[str] = field(default_factory=list)


@asynccontextmanager
async def probing(web: Program) -> AsyncIterator[Probes]:
    probes = Probes()
    prober = asyncio.create_task(_probe_repeatedly(web.port, probes))
    try:
        yield probes
    finally:
        prober.cancel()
        await asyncio.wait([prober])


async def _probe_repeatedly(port: int, probes: Probes) -> None:
    while True:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await _probe(port)
            probes.answered += 1
        except (OSError, TimeoutError, EOFError) as error:
            probes.refused.append(repr(error))
        pause = asyncio.Event()
        asyncio.get_running_loop().call_later(_PROBE_EVERY_S, pause.set)
        await pause.wait()


async def _probe(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        if not (await reader.read()).startswith(b"HTTP/1.1 200"):
            raise EOFError("no answer")
    finally:
        writer.close()
