"""Issue coupons without a tap: the only way in which a coupon comes into being that nobody claims or types.

Called by the API, by triggers, imports and packs, and by the worker that drives issuances on. An issuance is
made by one transaction (`add`), with its students or with the name of the audience or import that they are
read from when it starts. Then it is driven on (drive_issuances.py): piece by piece, by one process at a time,
and by any worker if that process dies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.issuances import (
    READ_AT_START,
    Issuance,
    IssuanceState,
    NewIssuance,
    first_state,
)
from server.core.event_types import EventType
from server.core.ids import StudentId
from server.flows.coupons.issuing.issue_records import record_issuance
from server.ids import new_id
from server.ledger.coupons import issuance_items, issuances

DRIVEN_MS: Final = 15_000  # how long a process that went silent keeps an issuance


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to drive an issuance: who has it, and until when (ms) after the next transaction."""

    driver: str
    until: int


async def add(  # noqa: PLR0913 - keywords, each named by the caller
    conn: AsyncConnection,
    form: NewIssuance,
    *,
    actor: str,
    now: int,
    students: Sequence[StudentId] = (),
    undo_ms: int = 0,
    issuance_id: str | None = None,
    driver: str | None = None,
    is_draft: bool = False,
) -> Issuance:
    """Insert an issuance in the caller's transaction, with an item for each of these students.

    A worker starts it within half a second, or at its time. `form.source` says where other students come
    from. `undo_ms`: how long it counts down, 0 where it does not. The caller has checked the form and knows
    that the batch or pack exists. `driver` drives it at once, instead of a worker. `is_draft`: nobody drives
    it until it is approved.
    """
    state, due_at = first_state(form, now, undo_ms, counts_down=undo_ms > 0)
    if is_draft:
        state = IssuanceState.DRAFT
    named = set(students)
    starts_here = state is IssuanceState.RUNNING and form.source not in READ_AT_START
    issuance = Issuance(
        id=issuance_id or new_id("iss"),
        batch_id=form.batch_id,
        pack_id=form.pack_id,
        source=form.source,
        source_id=form.source_id,
        reason=form.reason.strip(),
        state=state,
        created_by=actor,
        created_at=now,
        due_at=None if is_draft else due_at,
        started_at=now if starts_here else None,
        asked=len(named),
        hold_out_percent=form.hold_out_percent,
        repeat=form.repeat,
        notify=form.notify,
        metadata=form.metadata,
    )
    await issuances.insert_issuance(conn, issuance, driver, now + DRIVEN_MS if driver else 0)
    await issuance_items.add_students(conn, issuance.id, named)
    if starts_here:
        await record_issuance(conn, EventType.ISSUANCE_STARTED, issuance, now)
    return issuance


async def start_state(conn: AsyncConnection, issuance_id: str, now: int) -> None:
    """Let an issuance run whose students are known now. The caller has locked its row."""
    running = IssuanceState.RUNNING.value
    await issuances.change(conn, issuance_id, state=running, started_at=now)
    started = await issuances.find(conn, issuance_id)
    assert started is not None  # the caller has locked it
    await record_issuance(conn, EventType.ISSUANCE_STARTED, started, now)
