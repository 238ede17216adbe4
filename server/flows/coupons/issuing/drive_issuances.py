"""Drive issuances on: start them at their time, issue piece by piece, take back, and finish.

Called by the API for issuances that are done within the request, and by the worker for all others
(`drive_due`). One process at a time drives an issuance: it holds a lease on the row, renewed by each piece,
and another takes over when the lease has run out. Two processes that both believe to be the driver do no
harm: every transaction looks first whether it still is (issuances.lock_driven).

A slice is a few pieces; then the issuance goes to the end of the queue, so that a large one does not keep a
small one waiting.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.issuances import WAITING, Issuance, IssuanceState, ItemOutcome
from server.core.coupons.recurrence import next_time
from server.core.event_types import EventType
from server.core.ids import StudentId
from server.desk.drops.drop_desk import DropDesk
from server.flows.audiences.audiences import moment_of
from server.flows.coupons.issuing.issue import DRIVEN_MS, Lease, start_state
from server.flows.coupons.issuing.issue_grants import batches_of
from server.flows.coupons.issuing.issue_piece import NotDriverError, issue_piece
from server.flows.coupons.issuing.issue_population import freeze
from server.flows.coupons.issuing.issue_records import record_issuance
from server.flows.coupons.issuing.issue_slots import issuing_of
from server.flows.coupons.issuing.prepare_piece import AT_ONCE, PreparedPiece, prepare_piece
from server.flows.coupons.issuing.take_back import take_back_piece
from server.flows.stores import batch_and_template
from server.ids import new_id
from server.ledger.audiences.rules import Moment
from server.ledger.coupons import issuance_items, issuances
from server.ledger.engine import Ledger

SLICE_SECONDS: Final = 1.0
_ROUND_SECONDS: Final = 5.0  # of a worker's job
_PIECES: Final = 10  # before the clock is looked at
_STOPPED_AT_ONCE: Final = 5_000  # items without coupons: 20 ms of the database
# From one piece to the next at least this long, so that 100,000 students take 5 s at least, and a pause in
# any case. SQLite has one writer, and writers that wait for it retry every few ms; the disk also has to sync
# the claims of rooms.
_PIECE_SECONDS: Final = 0.05
_PAUSE_SECONDS: Final = 0.005
_FINISHED_AS: Final = {
    IssuanceState.RUNNING: (IssuanceState.DONE, EventType.ISSUANCE_FINISHED),
    IssuanceState.STOPPED: (IssuanceState.STOPPED, EventType.ISSUANCE_STOPPED),
    IssuanceState.UNDONE: (IssuanceState.UNDONE, EventType.ISSUANCE_UNDONE),
}


@dataclass(frozen=True, slots=True)
class IssueParts:
    """The parts that driving needs. `clock` returns ms since 1970 UTC; `zone` is the school's, for recurring
    sends.
    """

    ledger: Ledger
    desk: DropDesk
    clock: Callable[[], int]
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class _Drive:
    parts: IssueParts
    id: str
    driver: str

    @property
    def until(self) -> int:
        return self.parts.clock() + DRIVEN_MS


async def drive_due(parts: IssueParts) -> int:
    """Drive what is due for a few seconds at most; return how many slices that were. Any number of workers
    may call it at once.

    LedgerUnavailableError and DeskUnavailableError are passed on; what was driven goes on later.
    """
    ends_at, slices = _loop_time() + _ROUND_SECONDS, 0
    while _loop_time() < ends_at:
        async with parts.ledger.read() as conn:
            waiting = await issuances.due(conn, parts.clock(), 10)
        driven = [await drive(parts, one) for one in waiting]
        if not any(driven):
            break
        slices += sum(driven)
    return slices


async def drive(
    parts: IssueParts, issuance_id: str, driver: str | None = None, seconds: float = SLICE_SECONDS
) -> bool:
    """Drive the issuance until it is finished, or `seconds` are over. False: it is not due, or somebody else
    drives it.

    `driver`: who drives it already, because `add` was told so.
    """
    drive_ = _Drive(parts, issuance_id, driver or new_id("drv"))
    if driver is None and not await _take_over(drive_):
        return False
    ends_at = _loop_time() + seconds
    try:
        goes_on = True
        while goes_on and _loop_time() < ends_at:
            goes_on = await _step(drive_)
    except NotDriverError:
        pass  # another process goes on, or the next round with what has changed
    finally:
        async with parts.ledger.begin() as conn:
            await issuances.let_go(conn, issuance_id, drive_.driver, parts.clock())
    return True


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


async def _take_over(drive_: _Drive) -> bool:
    now = drive_.parts.clock()
    async with drive_.parts.ledger.begin() as conn:
        taken = await issuances.take_over(conn, drive_.id, drive_.driver, now, drive_.until)
    return taken is not None


async def _step(drive_: _Drive) -> bool:
    """Do the next step; False when the issuance is finished, or waits for a later time. Repeatable."""
    parts = drive_.parts
    async with parts.ledger.read() as conn:
        issuance = await issuances.find(conn, drive_.id)
    assert issuance is not None  # issuances are never deleted
    if issuance.due_at is None:
        return False
    if issuance.repeat is not None and issuance.state in WAITING:
        return await _start_next(drive_, issuance)
    if issuance.started_at is None and issuance.state in (*WAITING, IssuanceState.RUNNING):
        return await _start(drive_)
    return await _pieces(drive_, issuance) or not await _finish(drive_, issuance)


async def _pieces(drive_: _Drive, issuance: Issuance) -> bool:
    """Do some pieces of what its state asks for; False if there is nothing left to do.

    NotDriverError: its state has changed since it was read, or another process drives it.
    """
    if issuance.state is not IssuanceState.RUNNING:
        return await _end_piece(drive_, issuance)
    prepared = await _prepare(drive_, issuance)
    if prepared is None:
        return False
    is_only = prepared.last is None
    # One that fits into a piece has none to keep a pace with: triggers make several of them a second.
    pace = _PIECE_SECONDS if issuance.asked > AT_ONCE else 0.0
    for _ in range(_PIECES - 1):
        if prepared is None or prepared.last is None:
            break
        next_at = _loop_time() + pace
        prepared = await _issue_and_prepare(drive_, issuance, prepared, prepared.last)
        await asyncio.sleep(max(_PAUSE_SECONDS, next_at - _loop_time()))
    if prepared is not None:
        await issue_piece(drive_.parts.ledger, drive_.parts.desk, prepared)
    return not is_only  # of several: look from the beginning before it is called done


async def _issue_and_prepare(
    drive_: _Drive, issuance: Issuance, prepared: PreparedPiece, after: StudentId
) -> PreparedPiece | None:
    """Issue the piece, and prepare meanwhile the one of the students behind `after`; return that one."""
    following = asyncio.create_task(_prepare(drive_, issuance, after))
    try:
        await issue_piece(drive_.parts.ledger, drive_.parts.desk, prepared)
    except BaseException:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        raise
    return await following


async def _prepare(drive_: _Drive, issuance: Issuance, after: str = "") -> PreparedPiece | None:
    return await prepare_piece(*_arguments(drive_, issuance), _moment(drive_), after)


async def _end_piece(drive_: _Drive, issuance: Issuance) -> bool:
    """Do one piece of a stop or an undo; False if there is nothing left to do."""
    if await _stop_some(drive_, issuance.state):
        return True
    is_undone = issuance.state is IssuanceState.UNDONE
    return is_undone and await take_back_piece(*_arguments(drive_, issuance), drive_.parts.clock())


def _arguments(drive_: _Drive, issuance: Issuance) -> tuple[Ledger, DropDesk, Issuance, Lease]:
    parts, lease = drive_.parts, Lease(drive_.driver, drive_.until)
    return parts.ledger, parts.desk, issuance, lease


def _moment(drive_: _Drive) -> Moment:
    return moment_of(drive_.parts.zone, drive_.parts.clock())


async def _start(drive_: _Drive) -> bool:
    """Freeze who is in it, and let it run."""
    now = drive_.parts.clock()
    async with drive_.parts.ledger.begin() as conn:
        issuance = await _locked(conn, drive_)
        if issuance.started_at is None and issuance.state in (*WAITING, IssuanceState.RUNNING):
            await freeze(conn, issuance, drive_.parts.zone, now)
            await start_state(conn, issuance.id, now)
    return True


async def _start_next(drive_: _Drive, parent: Issuance) -> bool:
    """Start one issuance of a recurring one, and wait for its next time.

    Of times that were missed, because no worker ran, one is caught up: students would get several at once.
    """
    now = drive_.parts.clock()
    async with drive_.parts.ledger.begin() as conn:
        current = await _locked(conn, drive_)
        if current.state not in WAITING or current.due_at is None or current.repeat is None:
            return True
        await _insert_child(conn, current, now)
        first_at = current.started_at or current.due_at
        following = next_time(current.repeat, first_at, now, drive_.parts.zone)
        state = IssuanceState.DONE if following is None else IssuanceState.SCHEDULED
        ended = now if following is None else None
        await issuances.change(
            conn,
            current.id,
            state=state.value,
            started_at=first_at,
            due_at=following,
            finished_at=ended,
        )
    return False


async def _insert_child(conn: AsyncConnection, parent: Issuance, now: int) -> None:
    child = Issuance(
        id=new_id("iss"),
        batch_id=parent.batch_id,
        pack_id=parent.pack_id,
        source=parent.source,
        source_id=parent.source_id,
        reason=parent.reason,
        state=IssuanceState.RUNNING,
        created_by=parent.created_by,
        created_at=now,
        due_at=now,
        hold_out_percent=parent.hold_out_percent,
        parent_id=parent.id,
        notify=parent.notify,
        metadata=parent.metadata,
    )
    await issuances.insert_issuance(conn, child)


async def _stop_some(drive_: _Drive, state: IssuanceState) -> int:
    now = drive_.parts.clock()
    async with drive_.parts.ledger.begin() as conn:
        if (await _locked(conn, drive_)).state is not state:
            raise NotDriverError
        stopped = await issuance_items.decide_pending(
            conn, drive_.id, ItemOutcome.STOPPED, now, _STOPPED_AT_ONCE
        )
        await issuances.count(conn, drive_.id, {"refused": stopped})
    return stopped


async def _finish(drive_: _Drive, issuance: Issuance) -> bool:
    """Finish, when nothing is left to do. False: it was stopped or undone meanwhile."""
    await _give_leftovers_back(drive_, issuance)
    now = drive_.parts.clock()
    async with drive_.parts.ledger.begin() as conn:
        current = await _locked(conn, drive_)
        if current.state is not issuance.state:
            return False
        state, event = _FINISHED_AS[current.state]
        ended = {"state": state.value, "finished_at": now, "due_at": None}
        await issuances.change(conn, current.id, **ended, driver=None, driven_until=0)
        await record_issuance(conn, event, current, now)
    return True


async def _give_leftovers_back(drive_: _Drive, issuance: Issuance) -> None:
    """Give slots back that a process took, which died before it knew whether it needed them."""
    parts = drive_.parts
    async with parts.ledger.read() as conn:
        found = [
            (await batch_and_template(conn, one))[0] for one in await batches_of(conn, issuance)
        ]
    for batch in found:
        of = issuing_of(issuance.id, batch)
        left = await parts.desk.issuance_slots.left_behind(of) if of.caps else []
        if not left:
            continue
        async with parts.ledger.read() as conn:
            outcomes = await issuance_items.outcomes_of(conn, issuance.id, left)
        has = [one for one in left if outcomes.get(one) is ItemOutcome.ISSUED]
        await parts.desk.issuance_slots.keep(of, has)
        hasnt = [one for one in left if outcomes.get(one) is not ItemOutcome.ISSUED]
        await parts.desk.issuance_slots.give_back(of, hasnt)


async def _locked(conn: AsyncConnection, drive_: _Drive) -> Issuance:
    issuance = await issuances.lock_driven(conn, drive_.id, drive_.driver, drive_.until)
    if issuance is None:
        raise NotDriverError
    return issuance
