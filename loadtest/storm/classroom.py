"""One drop into a full room: everybody in, one press, everybody taps, then the verdict.

`Classroom` has the steps, `run_storm` their usual order. Called by the commands and the bench, whose
scenarios put other things between the steps. The students are in processes of their own (`crew`).
"""

import asyncio
import math
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from client_sdk.python import Api
from loadtest.clients.school_api import api_as, make_batch, read_ledger_snapshot
from loadtest.clients.tokens import TokenSource
from loadtest.clients.websocket_codec import Address
from loadtest.storm.client_process import ClientPlan, ClientSlot, Progress
from loadtest.storm.recording import Recording, reports_of
from loadtest.storm.results import (
    Arrival,
    Delivery,
    Results,
    arrivals_of,
    deliveries_of,
    results_of,
)
from loadtest.storm.worker_pool import RunError, WorkerPool, start_workers
from loadtest.targets.machine import loopback_sources
from loadtest.verdict import DropHistory, Finding, LedgerSnapshot, judge

_SETTLE_S: Final = 0.5  # between the last join and the press: what joins leave behind is done then
_SECONDS_PER_JOIN: Final = 1 / 200  # the slowest that is waited for, beyond the planned moments
_JOIN_GRACE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class StormPlan:
    """`rooms`: the students spread over so many; the drop goes to the first. `joins_per_s` 0: all
    at once. Who taps: the first `tappers` (None: all), each at a random moment within `reaction_ms`
    of seeing the card or, where `tap_every_ms` is given, one after the other, so far apart. `top_ups`:
    units kept for pushes that nobody taps on. `description`: of the template, where a card has to be
    large. `batch_id` None: one is made. `sends_seen`: as the SDKs do."""

    students: int
    stock: int
    processes: int = 1
    room: str | None = None
    rooms: int = 1
    joins_per_s: float = 1_000
    reaction_ms: int = 0
    tap_every_ms: float = 0
    tappers: int | None = None
    answer_seconds: float = 30
    top_ups: int = 0
    description: str = ""
    batch_id: str | None = None
    come_back_within_s: float = 1.0
    sends_seen: bool = True
    seed: int = 1

    @property
    def in_room(self) -> int:
        """How many of them see the drop."""
        return len(range(0, self.students, self.rooms))

    @property
    def taps(self) -> int:
        return self.in_room if self.tappers is None else min(self.tappers, self.in_room)

    @property
    def tap_seconds(self) -> float:
        """From the card to the last planned tap."""
        return max(self.reaction_ms, self.taps * self.tap_every_ms) / 1000


@dataclass(frozen=True, slots=True)
class StormRun:
    """What became of it. `quiet`: the pushes nobody tapped on, in their order."""

    plan: StormPlan
    results: Results
    arrivals: Sequence[Arrival]
    findings: Sequence[Finding]
    books: LedgerSnapshot
    top_up_deliveries: Sequence[Delivery]
    recordings: Sequence[Recording]


@dataclass(slots=True)
class RunHooks:
    """Asked to look while it runs: `progress` of all processes together. `on_full` is called when the
    room is full, before the press."""

    progress: Callable[[str, Progress], None] = lambda _stage, _progress: None
    on_full: Callable[[], None] = lambda: None


async def run_storm(url: str, tokens: TokenSource, plan: StormPlan, hooks: RunHooks) -> StormRun:
    """Raises RunError, TokenError and the SDK's ApiError."""
    async with open_classroom(url, tokens, plan, hooks) as classroom:
        await classroom.open_drop()
        await classroom.wait_for_answers()
        await classroom.wait_until_settled()
        for _ in range(plan.top_ups):
            await classroom.top_up()
        return await classroom.finish()


@asynccontextmanager
async def open_classroom(
    url: str, tokens: TokenSource, plan: StormPlan, hooks: RunHooks | None = None
) -> AsyncIterator["Classroom"]:
    """A full room, nothing dropped yet; empty again after the block."""
    run_id = f"storm-{secrets.token_hex(6)}"
    room = plan.room or run_id
    rooms = [room, *(f"{room}-{number}" for number in range(2, plan.rooms + 1))][: plan.rooms]
    teacher = tokens.staff("instructor", room)
    with start_workers(_parts(url, tokens, plan, rooms, run_id)) as workers:
        async with api_as(url, teacher.token) as api:
            batch_id = plan.batch_id or await _batch(url, tokens, plan, run_id)
            classroom = Classroom(api, workers, plan, hooks or RunHooks(), room, run_id, batch_id)
            await classroom.fill()
            yield classroom


@dataclass(slots=True)
class Classroom:
    """A room, its crowd, and its teacher with a hand on the button."""

    api: Api
    workers: WorkerPool
    plan: StormPlan
    hooks: RunHooks
    room: str
    run_id: str
    batch_id: str
    drop_id: str = ""
    pressed_at: int = 0
    _top_ups: dict[int, int] = field(
        default_factory=dict
    )  # the new quantity -> when it was pressed
    _snapshot: LedgerSnapshot | None = None

    async def fill(self) -> None:
        """Until all are in. RunError where some never get in."""
        plan = self.plan
        self.workers.start()
        planned_s = plan.students / plan.joins_per_s if plan.joins_per_s else 0.0
        deadline_s = planned_s + plan.students * _SECONDS_PER_JOIN + _JOIN_GRACE_S
        if not await self._wait_until("join", lambda now: now.joined >= plan.students, deadline_s):
            raise RunError(self._not_in())
        await asyncio.sleep(_SETTLE_S)
        self.workers.read_progress()
        self.hooks.on_full()

    async def open_drop(self) -> None:
        plan = self.plan
        seconds_of = math.ceil(plan.answer_seconds * 2 + plan.tap_seconds)
        self.pressed_at = time.monotonic_ns()
        drop = await self.api.create_drop(
            self.room,
            {
                "batch_id": self.batch_id,
                "quantity": plan.stock,
                "duration_seconds": max(60, seconds_of),
                "message": f"Load test. {self.run_id}",
            },
        )
        self.drop_id = drop["id"]

    async def wait_for_answers(self) -> None:
        """To all planned taps, and the card with all who only look."""
        plan = self.plan
        await self._wait_until(
            "tap",
            lambda now: now.answered >= plan.taps and now.pushed >= plan.in_room,
            plan.answer_seconds + plan.tap_seconds,
        )

    async def wait_until_settled(self) -> None:
        """The books are read when the ledger has all wins and the winners know."""
        wins = self.workers.read_progress().won
        self._snapshot = await read_ledger_snapshot(
            self.api, self.room, self.drop_id, wins, self.plan.answer_seconds
        )
        # A moment longer than the ledger took: the frames are on their way.
        deadline_s = min(10.0, self.plan.answer_seconds)
        await self._wait_until("confirm", lambda now: now.confirmed >= now.won, deadline_s)

    async def top_up(self) -> None:
        """One unit more, shown to everybody; nobody taps. After `settle`: the verdict is about the
        drop as it was."""
        had = self.plan.stock + len(self._top_ups)
        self._top_ups[had + 1] = time.monotonic_ns()
        await self.api.top_up_drop(self.room, self.drop_id, add=1, expected_quantity=had)
        due = len(self._top_ups) * self.plan.in_room
        await self._wait_until("push", lambda now: now.changed >= due, self.plan.answer_seconds)

    async def finish(self) -> StormRun:
        """Everybody goes home; what there is to say."""
        if self._snapshot is None:
            raise RunError("the books of this storm have not been read")
        recordings = self.workers.recordings()
        await self.api.close_drop(self.room, self.drop_id)
        plan = self.plan
        is_private = plan.room is None
        history = DropHistory(
            self.drop_id, plan.stock, reports_of(recordings), is_private=is_private
        )
        return StormRun(
            plan,
            results_of(recordings, self.pressed_at),
            arrivals_of(recordings, self.pressed_at),
            judge(history, self._snapshot),
            self._snapshot,
            deliveries_of(recordings, self._top_ups, plan.in_room),
            recordings,
        )

    def read_progress(self) -> None:
        """For who waits elsewhere: what its processes report is bounded, and has to be read."""
        self.workers.read_progress()

    async def _wait_until(
        self, stage: str, done: Callable[[Progress], bool], deadline_s: float
    ) -> bool:
        return await self.workers.wait_until(
            done, deadline_s, lambda now: self.hooks.progress(stage, now)
        )

    def _not_in(self) -> str:
        joined, students = self.workers.read_progress().joined, self.plan.students
        troubles = results_of(self.workers.recordings(), 0).troubles
        return f"only {joined:,} of {students:,} got in: {troubles or 'no reason known'}"


async def _batch(url: str, tokens: TokenSource, plan: StormPlan, run_id: str) -> str:
    operator = tokens.staff("operator", plan.room or run_id)
    async with api_as(url, operator.token) as api:
        return await make_batch(api, run_id, plan.stock + plan.top_ups, plan.description)


def _parts(
    url: str, tokens: TokenSource, plan: StormPlan, rooms: Sequence[str], run_id: str
) -> list[ClientPlan]:
    """Dealt like cards, so that no process has the early ones."""
    every_s = 1 / plan.joins_per_s if plan.joins_per_s else 0.0
    reactions = random.Random(plan.seed)
    slots = [
        ClientSlot(
            tokens.student(number, rooms[number % len(rooms)]),
            number % len(rooms),
            number * every_s,
            _tap_after_s(plan, number, reactions),
        )
        for number in range(plan.students)
    ]
    sources = loopback_sources(Address.of(url).host, plan.students)
    return [
        ClientPlan(
            url=url,
            rooms=rooms,
            slots=slots[part :: plan.processes],
            sources=sources,
            run_id=run_id,
            seed=plan.seed + part,
            come_back_within_s=plan.come_back_within_s,
            sends_seen=plan.sends_seen,
        )
        for part in range(plan.processes)
    ]


def _tap_after_s(plan: StormPlan, number: int, reactions: random.Random) -> float | None:
    """`number`: of the student, among all rooms."""
    place = number // plan.rooms
    if plan.tappers is not None and place >= plan.tappers:
        return None
    if plan.tap_every_ms:
        return place * plan.tap_every_ms / 1000
    return reactions.random() * plan.reaction_ms / 1000
