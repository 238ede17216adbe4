"""One drop into a full room: everybody in, one press, everybody taps, then the verdict.

Called by the commands and the bench. Conducts processes of `crowd`, each with its share of the
students; itself it holds no socket of a student.
"""

import asyncio
import math
import multiprocessing
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final, cast

from client_sdk.python import Api
from loadtest.books import calling_as, make_batch, read_books
from loadtest.codec import Address
from loadtest.crowd import CrowdPlan, Progress, Seat, run_crowd
from loadtest.figures import Arrival, Figures, arrivals_of, figures_of
from loadtest.machine import loopback_sources
from loadtest.passes import Passes
from loadtest.recording import Recording, told_by
from loadtest.verdict import Books, Finding, History, judge

_READY_SECONDS: Final = 60.0
_HAND_OVER_SECONDS: Final = 60.0
_END_SECONDS: Final = 5.0
_POLL_S: Final = 0.02
_SETTLE_S: Final = 0.5  # between the last join and the press: what joins leave behind is done then
_SECONDS_PER_JOIN: Final = 1 / 200  # the slowest that is waited for, beyond the planned moments
_JOIN_GRACE_S: Final = 30.0


class StormError(Exception):
    """The storm could not be held: not a finding about the server's promises."""


@dataclass(frozen=True, slots=True)
class StormPlan:
    """`rooms`: the students spread over so many; the drop goes to the first. `joins_per_s` 0: all
    at once. `reaction_ms`: each taps at a random moment within. `batch_id` None: one is made."""

    students: int
    stock: int
    processes: int = 1
    room: str | None = None
    rooms: int = 1
    joins_per_s: float = 1_000
    reaction_ms: int = 0
    answer_seconds: float = 30
    batch_id: str | None = None
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Storm:
    """What became of it."""

    plan: StormPlan
    figures: Figures
    arrivals: Sequence[Arrival]
    findings: Sequence[Finding]
    books: Books


@dataclass(slots=True)
class Watch:
    """Asked to look while it runs: `progress` of all processes together. `is_in` is called when the
    room is full, before the press."""

    progress: Callable[[str, Progress], None] = lambda _stage, _progress: None
    is_in: Callable[[], None] = lambda: None


@dataclass(slots=True)
class _Crew:
    """The processes and how far each is."""

    pipes: list[Connection]
    processes: list[BaseProcess]
    progress: list[Progress] = field(default_factory=list)

    def look(self) -> Progress:
        for number, pipe in enumerate(self.pipes):
            while pipe.poll():
                self.progress[number] = cast(Progress, _receive(pipe))
        return _sum(self.progress)


async def hold_storm(url: str, passes: Passes, plan: StormPlan, watch: Watch) -> Storm:
    """Raises StormError, PassError and the SDK's ApiError."""
    mark = f"storm-{secrets.token_hex(6)}"
    room = plan.room or mark
    rooms = [room, *(f"{room}-{number}" for number in range(2, plan.rooms + 1))][: plan.rooms]
    parts = _parts(url, passes, plan, rooms, mark)
    teacher = passes.staff("instructor", room)
    with _crew(parts) as crew:
        async with calling_as(url, teacher.token) as api:
            batch_id = plan.batch_id or await _batch(url, passes, plan, room, mark)
            await _fill_rooms(crew, plan, watch)
            pressed_at = time.monotonic_ns()
            drop_id = await _press(api, room, batch_id, plan, mark)
            await _await_answers(crew, plan, watch)
            wins = _sum(crew.progress).won
            books = await read_books(api, room, drop_id, wins, plan.answer_seconds)
            await _await_confirmations(crew, plan, watch)
            recordings = _recordings(crew)
            await api.close_drop(room, drop_id)
    history = History(drop_id, plan.stock, told_by(recordings), is_private=plan.room is None)
    return Storm(
        plan,
        figures_of(recordings, pressed_at),
        arrivals_of(recordings, pressed_at),
        judge(history, books),
        books,
    )


# The school.


async def _batch(url: str, passes: Passes, plan: StormPlan, room: str, name: str) -> str:
    operator = passes.staff("operator", room)
    async with calling_as(url, operator.token) as api:
        return await make_batch(api, name, plan.stock)


async def _press(api: Api, room: str, batch_id: str, plan: StormPlan, mark: str) -> str:
    lasts = math.ceil(plan.answer_seconds * 2 + plan.reaction_ms / 1000)
    drop = await api.create_drop(
        room,
        {
            "batch_id": batch_id,
            "quantity": plan.stock,
            "duration_seconds": max(60, lasts),
            "message": f"Load test. {mark}",
        },
    )
    return drop["id"]


# The crowd.


def _parts(
    url: str, passes: Passes, plan: StormPlan, rooms: Sequence[str], mark: str
) -> list[CrowdPlan]:
    """Dealt like cards, so that no process has the early ones."""
    every_s = 1 / plan.joins_per_s if plan.joins_per_s else 0.0
    seats = [
        Seat(
            passes.student(number, rooms[number % len(rooms)]),
            number % len(rooms),
            number * every_s,
        )
        for number in range(plan.students)
    ]
    sources = loopback_sources(Address.of(url).host, plan.students)
    return [
        CrowdPlan(
            url=url,
            rooms=rooms,
            seats=seats[part :: plan.processes],
            sources=sources,
            mark=mark,
            reaction_ms=plan.reaction_ms,
            seed=plan.seed + part,
        )
        for part in range(plan.processes)
    ]


@contextmanager
def _crew(parts: Sequence[CrowdPlan]) -> Iterator[_Crew]:
    """Running and ready inside the block, gone after it."""
    context = multiprocessing.get_context("spawn")
    crew = _Crew([], [], [Progress() for _ in parts])
    try:
        for part in parts:
            ours, theirs = context.Pipe()
            process = context.Process(target=run_crowd, args=(part, theirs), daemon=True)
            process.start()
            theirs.close()
            crew.pipes.append(ours)
            crew.processes.append(process)
        for pipe in crew.pipes:
            if not pipe.poll(_READY_SECONDS):
                raise StormError("a process of the crowd did not start")
            _receive(pipe)
        yield crew
    finally:
        for pipe in crew.pipes:
            pipe.close()
        for member in crew.processes:
            member.join(_END_SECONDS)
            if member.is_alive():
                member.kill()
                member.join(_END_SECONDS)


async def _fill_rooms(crew: _Crew, plan: StormPlan, watch: Watch) -> None:
    """Until all are in. StormError where some never get in."""
    start_at = time.monotonic_ns()
    for pipe in crew.pipes:
        pipe.send(start_at)
    planned_s = plan.students / plan.joins_per_s if plan.joins_per_s else 0.0
    deadline_s = planned_s + plan.students * _SECONDS_PER_JOIN + _JOIN_GRACE_S
    done = await _until(crew, watch, "join", lambda now: now.joined >= plan.students, deadline_s)
    if not done:
        raise StormError(_not_in(crew, plan))
    await asyncio.sleep(_SETTLE_S)
    crew.look()
    watch.is_in()


def _not_in(crew: _Crew, plan: StormPlan) -> str:
    joined = _sum(crew.progress).joined
    troubles = figures_of(_recordings(crew), 0).troubles
    return f"only {joined:,} of {plan.students:,} students got in: {troubles or 'no reason known'}"


async def _await_answers(crew: _Crew, plan: StormPlan, watch: Watch) -> None:
    tappers = len(range(0, plan.students, plan.rooms))  # those in the first room
    deadline_s = plan.answer_seconds + plan.reaction_ms / 1000
    await _until(crew, watch, "tap", lambda now: now.answered >= tappers, deadline_s)


async def _await_confirmations(crew: _Crew, plan: StormPlan, watch: Watch) -> None:
    """A moment longer than the ledger took: the frames are on their way."""
    all_told: Callable[[Progress], bool] = lambda now: now.confirmed >= now.won  # noqa: E731
    await _until(crew, watch, "confirm", all_told, min(10.0, plan.answer_seconds))


async def _until(
    crew: _Crew, watch: Watch, stage: str, done: Callable[[Progress], bool], deadline_s: float
) -> bool:
    give_up_at = time.monotonic() + deadline_s
    while True:
        now = crew.look()
        watch.progress(stage, now)
        if done(now):
            return True
        if time.monotonic() >= give_up_at:
            return False
        await asyncio.sleep(_POLL_S)


def _recordings(crew: _Crew) -> list[Recording]:
    """Told to finish, each sends what it has; progress still in the pipe comes before it."""
    recordings = []
    for pipe in crew.pipes:
        pipe.send("finish")
    for pipe in crew.pipes:
        while True:
            if not pipe.poll(_HAND_OVER_SECONDS):
                raise StormError("a process of the crowd does not answer")
            message = _receive(pipe)
            if isinstance(message, Recording):
                recordings.append(message)
                break
    return recordings


def _receive(pipe: Connection) -> object:
    try:
        return pipe.recv()
    except (EOFError, OSError) as error:
        raise StormError("a process of the crowd has ended; its reason is above") from error


def _sum(parts: Sequence[Progress]) -> Progress:
    return Progress(
        joined=sum(one.joined for one in parts),
        pushed=sum(one.pushed for one in parts),
        answered=sum(one.answered for one in parts),
        won=sum(one.won for one in parts),
        confirmed=sum(one.confirmed for one in parts),
    )
