"""Runs a storm: all students join, one drop opens, all of them tap, and the verdict judges the result.

`Classroom` has the steps, `run_storm` calls them in their usual order. Called by the storm command and by the
bench, whose scenarios do other things between the steps. The students live in processes of their own
(`worker_pool`); this module must not touch their sockets.
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

# Pause between the last join and the drop, so that the server's work for the joins does not delay the push.
_SETTLE_S: Final = 0.5
_SECONDS_PER_JOIN: Final = (
    1 / 200
)  # the slowest join rate that is waited for, after the planned moments
_JOIN_GRACE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class StormPlan:
    """The parameters of one run; the JSON file shows them as they are here.

    rooms: the students are spread over this many rooms; the drop goes to the first.
    joins_per_s: 0 means that all join at once.
    tappers: how many of the drop's room tap; None means all.
    reaction_ms: each taps at a random moment within this time after the card came.
    tap_every_ms: if not 0, students tap one after the other at this interval instead.
    top_ups: units reserved for later pushes on which nobody taps.
    description: replaces the template's description, for a scenario that needs large cards.
    batch_id: None means that the run creates its own batch.
    sends_seen: students send `seen` after the card came, as the SDKs do.
    """

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
        """The number of students in the room that gets the drop."""
        return len(range(0, self.students, self.rooms))

    @property
    def taps(self) -> int:
        return self.in_room if self.tappers is None else min(self.tappers, self.in_room)

    @property
    def tap_seconds(self) -> float:
        """The time from the card to the last planned tap."""
        return max(self.reaction_ms, self.taps * self.tap_every_ms) / 1000


@dataclass(frozen=True, slots=True)
class StormRun:
    """The outcome of a run. `top_up_deliveries` has one entry for each top-up, oldest first."""

    plan: StormPlan
    results: Results
    arrivals: Sequence[Arrival]
    findings: Sequence[Finding]
    books: LedgerSnapshot
    top_up_deliveries: Sequence[Delivery]
    recordings: Sequence[Recording]


@dataclass(slots=True)
class RunHooks:
    """Callbacks of a run. `progress` gets the stage and the sum over all processes, about fifty times a
    second. `on_full` is called once, when all have joined and before the drop opens."""

    progress: Callable[[str, Progress], None] = lambda _stage, _progress: None
    on_full: Callable[[], None] = lambda: None


async def run_storm(url: str, tokens: TokenSource, plan: StormPlan, hooks: RunHooks) -> StormRun:
    """Run a whole storm against the server at `url`.

    Raises RunError if it could not be run, TokenError if a token is missing, and the SDK's ApiError.
    A broken promise of the server is no error: it is in `findings`.
    """
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
    """Fill a room with students and yield it before any drop opened; all of them are gone after the block."""
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
    """A full room, its students' processes, and the instructor's API client.

    The steps are called in this order: `open_drop`, `wait_for_answers`, `wait_until_settled`, any number of
    `top_up`, `finish`.
    """

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
        """Let all students join. Raises RunError if some have not joined by the deadline."""
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
        """Wait until every planned tap has its answer and everybody in the room has the card, or the
        deadline."""
        plan = self.plan
        await self._wait_until(
            "tap",
            lambda now: now.answered >= plan.taps and now.pushed >= plan.in_room,
            plan.answer_seconds + plan.tap_seconds,
        )

    async def wait_until_settled(self) -> None:
        """Read the server's counts once the ledger has all wins, then wait until the winners have
        `confirmed`."""
        wins = self.workers.read_progress().won
        self._snapshot = await read_ledger_snapshot(
            self.api, self.room, self.drop_id, wins, self.plan.answer_seconds
        )
        # The ledger has the confirmations before the students do: their frames are still on the way.
        deadline_s = min(10.0, self.plan.answer_seconds)
        await self._wait_until("confirm", lambda now: now.confirmed >= now.won, deadline_s)

    async def top_up(self) -> None:
        """Add one unit to the drop, and wait until everybody has the new card. Nobody taps on it.

        Call it after `wait_until_settled`, because the verdict judges the drop as it was before the top-ups.
        """
        had = self.plan.stock + len(self._top_ups)
        self._top_ups[had + 1] = time.monotonic_ns()
        await self.api.top_up_drop(self.room, self.drop_id, add=1, expected_quantity=had)
        due = len(self._top_ups) * self.plan.in_room
        await self._wait_until("push", lambda now: now.changed >= due, self.plan.answer_seconds)

    async def finish(self) -> StormRun:
        """End the students' processes, close the drop and judge it. Raises RunError before
        `wait_until_settled`."""
        if self._snapshot is None:
            raise RunError("the server's counts of this run have not been read")
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
        """Empty the processes' pipes. Whoever waits for something else has to call this: a full pipe stops
        them."""
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
    """Return one plan for each process. Students are dealt in turn, so that each process has early and late
    ones."""
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
    """Return the delay from the card to the tap of student `number` (counted over all rooms); None: never."""
    place = number // plan.rooms
    if plan.tappers is not None and place >= plan.tappers:
        return None
    if plan.tap_every_ms:
        return place * plan.tap_every_ms / 1000
    return reactions.random() * plan.reaction_ms / 1000
