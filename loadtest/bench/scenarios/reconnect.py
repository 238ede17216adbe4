"""Scenario: a full room of winners loses all connections at once and comes back; another room taps meanwhile.

The other room's students tap at planned moments, whatever becomes of the answers. They are on the `web`
process that has to take everybody in again, or on a second one beside it.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from loadtest.bench.scenario import Case, CaseResult, Column, Round, Scenario
from loadtest.bench.scenarios.room_storms import findings_of
from loadtest.clients.tokens import SignedTokens
from loadtest.percentiles import Spread
from loadtest.storm.classroom import Classroom, StormPlan, StormRun, open_classroom
from loadtest.storm.client_process import Command
from loadtest.storm.recording import Recording
from loadtest.storm.student import LOST_STATE
from loadtest.storm.worker_pool import RunError
from loadtest.targets.own_server import OwnServer, second_web

_COME_BACK_WITHIN_S: Final = 0.5  # the SDKs draw their first wait from this range
_NS_PER_MS: Final = 1e6


@dataclass(frozen=True, slots=True)
class _Size:
    """`before_s`: how long the other room taps before the connections are cut."""

    students: int
    bystanders: int
    tap_every_ms: float
    before_s: float
    deadline_s: float = 120


_FULL: Final = _Size(10_000, 1_500, 10, before_s=5)
_QUICK: Final = _Size(100, 40, 20, before_s=0.3)


def _measure(size: _Size, is_apart: bool, one: Round) -> CaseResult:
    with one.server(1) as server, _beside(server, is_apart) as beside:
        tokens = SignedTokens(server.secret, f"bench-{one.number}")
        others = SignedTokens(server.secret, f"beside-{one.number}")
        return asyncio.run(_run(size, (server.url, tokens), (beside.url, others)))


@contextmanager
def _beside(server: OwnServer, is_apart: bool) -> Iterator[OwnServer]:
    if not is_apart:
        yield server
        return
    with second_web(server) as second:
        yield second


async def _run(
    size: _Size, here: tuple[str, SignedTokens], there: tuple[str, SignedTokens]
) -> CaseResult:
    async with (
        open_classroom(*here, _room_plan(size)) as room,
        open_classroom(*there, _bystander_plan(size)) as beside,
    ):
        await room.open_drop()
        await room.wait_for_answers()
        await room.wait_until_settled()
        await beside.open_drop()
        await beside.workers.wait(size.before_s)
        await _fall(room, beside, size)
        await beside.wait_for_answers()
        await beside.wait_until_settled()
        return _measured(await room.finish(), await beside.finish())


def _room_plan(size: _Size) -> StormPlan:
    """Return a plan in which everybody wins, so that everybody has a coupon to get back."""
    return StormPlan(
        students=size.students,
        stock=size.students,
        joins_per_s=0,
        answer_seconds=60,
        come_back_within_s=_COME_BACK_WITHIN_S,
    )


def _bystander_plan(size: _Size) -> StormPlan:
    return StormPlan(
        students=size.bystanders,
        stock=size.bystanders,
        joins_per_s=0,
        tap_every_ms=size.tap_every_ms,
    )


async def _fall(room: Classroom, beside: Classroom, size: _Size) -> None:
    """Cut all connections, and wait until everybody is back."""
    students = room.plan.students
    room.workers.send(Command.DISCONNECT)
    all_back = await room.workers.wait_until(
        lambda now: now.rejoined >= students, size.deadline_s, lambda _: beside.read_progress()
    )
    if not all_back:
        raise RunError(f"only {room.workers.read_progress().rejoined:,} of {students:,} came back")


def _measured(room: StormRun, beside: StormRun) -> CaseResult:
    disconnected_at = min(one.disconnected_at for one in room.recordings)
    back = Spread.of(_after(disconnected_at, room.recordings))
    last_at = disconnected_at + int(back.max * _NS_PER_MS)
    before = _claims(beside.recordings, lambda at: at < disconnected_at)
    during = _claims(beside.recordings, lambda at: disconnected_at <= at <= last_at)
    poorer = sum(one.troubles[LOST_STATE] for one in room.recordings)
    findings = [*findings_of(room), *findings_of(beside)]
    if poorer:
        findings.append(f"{LOST_STATE}: {poorer} students")
    return CaseResult(
        {
            "back_p50_ms": back.p50,
            "back_p99_ms": back.p99,
            "back_last_ms": back.max,
            "before_p50_ms": before.p50,
            "before_p99_ms": before.p99,
            "during_p50_ms": during.p50,
            "during_p99_ms": during.p99,
            "during_max_ms": during.max,
            "taps_during": during.count,
        },
        findings,
    )


def _after(disconnected_at: int, recordings: Sequence[Recording]) -> Iterable[float]:
    return ((at - disconnected_at) / _NS_PER_MS for one in recordings for at in one.rejoined if at)


def _claims(recordings: Sequence[Recording], is_selected: Callable[[int], bool]) -> Spread:
    """Return the delays from planned tap to answer, of the taps whose planned moment is selected."""
    return Spread.of(
        (answered - due) / _NS_PER_MS
        for one in recordings
        for due, answered in zip(one.tap_due, one.answered, strict=True)
        if due and answered and is_selected(due)
    )


def _cases(is_quick: bool) -> list[Case]:
    size = _QUICK if is_quick else _FULL
    places = {"another": True} if is_quick else {"the same": False, "another": True}
    return [
        Case(
            {"students": size.students, "bystanders' `web` process": place},
            partial(_measure, size, is_apart),
        )
        for place, is_apart in places.items()
    ]


RECONNECT: Final = Scenario(
    name="reconnect",
    title="A room falls and comes back.",
    note="All lose the connection in one moment and come back as the SDK does, within half a second "
    "where they can; back is who has the whole state again, the coupon too. Meanwhile another room taps "
    "100 times a second: its claims before, and until the last was back.",
    cases=_cases,
    columns=(
        Column("back p50 / p99 / last, ms", ("back_p50_ms", "back_p99_ms", "back_last_ms")),
        Column("claim before p50 / p99, ms", ("before_p50_ms", "before_p99_ms"), ",.1f"),
        Column("claim meanwhile p50 / p99, ms", ("during_p50_ms", "during_p99_ms"), ",.1f"),
    ),
)
