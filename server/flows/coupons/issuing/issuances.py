"""Ask for issuances, show, stop and undo them: what the API does with them.

Called by api/coupons/issuances.py. Whatever is not done within the request is done by a worker
(drive_issuances.py).
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.approvals.approvals import NO_LIMITS, SendLimits
from server.core.coupons.issuances import (
    READ_AT_START,
    SMALL,
    TAKE_BACK_MS,
    UNDER_WAY,
    WAITING,
    Issuance,
    IssuanceItem,
    IssuanceState,
    ItemOutcome,
    NewIssuance,
    is_small,
    violations,
)
from server.core.coupons.recurrence import next_time, rule_fault
from server.core.ids import StudentId
from server.core.refusals import Code, Refused
from server.core.violations import Violation, refused
from server.desk import DeskUnavailableError
from server.flows.abort import Abort, abort_if, returns_refusal
from server.flows.approvals.approvals import withdraw
from server.flows.coupons.issuing.approve_issuances import ask_approval, find_over
from server.flows.coupons.issuing.check_send import check_send
from server.flows.coupons.issuing.drive_issuances import IssueParts, drive
from server.flows.coupons.issuing.issue import add
from server.flows.coupons.issuing.issue_population import known_size
from server.flows.idempotency import find_previous_result
from server.ids import new_id
from server.ledger import acts
from server.ledger.coupons import issuance_items, issuances, support_days
from server.ledger.database_errors import LedgerUnavailableError
from server.ledger.idempotency import IdempotencyKey

# Shorter than the API's deadline; a worker does the rest.
_IN_REQUEST_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Asker:
    """The person who asks. What an operator sends to many counts down for `undo_ms` first, and what is over
    `limits` waits for another operator; the school's own back end has decided already.
    `a_day`: how many coupons this person may give on one day; None: any number.
    """

    subject: str
    is_operator: bool
    undo_ms: int
    a_day: int | None = None
    limits: SendLimits = NO_LIMITS


@returns_refusal
async def ask(
    parts: IssueParts,
    form: NewIssuance,
    students: Sequence[StudentId],
    asker: Asker,
    key: IdempotencyKey | None,
) -> Issuance | Refused:
    """Make an issuance, and do it if it is small and starts now; return it as it is then: a draft where it
    waits for an approval.

    Refuses with invalid_field; wrong_state outside the windows of batch and campaign; support_limit.
    """
    now = parts.clock()
    broken = [*violations(form), *_time_violations(parts, form, now)]
    if broken:
        return refused(broken)
    issuance_id, driver = new_id("iss"), new_id("drv")
    counts_down = asker.is_operator and not await _is_for_few(parts, form, students)
    undo_ms = asker.undo_ms if counts_down else 0
    form = _with_time_to_undo(parts, form, now + undo_ms)
    is_done_here = is_small(form, students) and form.send_at is None
    async with parts.ledger.begin() as conn:
        earlier = await find_previous_result(conn, key, issuance_id, now)
        if earlier is None:
            await check_send(conn, form, form.send_at or now)
            over = (
                await find_over(conn, form, students, asker.limits) if asker.is_operator else None
            )
            await _count(conn, parts, asker, len(set(students)), now)
            is_done_here = is_done_here and over is None
            made = await add(
                conn,
                form,
                actor=asker.subject,
                now=now,
                students=students,
                undo_ms=undo_ms,
                issuance_id=issuance_id,
                driver=driver if is_done_here else None,
                is_draft=over is not None,
            )
            if over is not None:
                await ask_approval(conn, made, form.send_at, over, undo_ms, parts.zone)
            what = {
                "batch": form.batch_id,
                "pack": form.pack_id,
                "reason": made.reason,
                "asked": made.asked,
            }
            await acts.write_act(
                conn, asker.subject, Action.ISSUANCE_MADE, issuance_id, now, **what
            )
    if earlier is None and is_done_here:
        await _drive_on(parts, issuance_id, driver)
    return await _find(parts, earlier or issuance_id)


async def _is_for_few(parts: IssueParts, form: NewIssuance, students: Sequence[StudentId]) -> bool:
    if form.source not in READ_AT_START:
        return is_small(form, students)
    async with parts.ledger.read() as conn:
        size = await known_size(conn, form)
    return size is not None and size <= SMALL


def _with_time_to_undo(parts: IssueParts, form: NewIssuance, earliest: int) -> NewIssuance:
    """Return the form with a first time that is not before `earliest`. The times of a recurring send stay as
    they are: it begins with a later one.
    """
    if form.repeat is None or form.send_at is None or form.send_at >= earliest:
        return form
    first = next_time(form.repeat, form.send_at, earliest - 1, parts.zone)
    return replace(form, send_at=first or form.send_at)


def _time_violations(parts: IssueParts, form: NewIssuance, now: int) -> list[Violation]:
    if form.send_at is not None and form.send_at <= now:
        return [Violation("send_at", "past")]
    if form.repeat is None:
        return []
    if form.send_at is None:
        return [Violation("send_at", "missing")]
    fault = rule_fault(form.repeat, form.send_at, parts.zone)
    return [Violation("repeat", fault)] if fault is not None else []


async def _count(
    conn: AsyncConnection, parts: IssueParts, asker: Asker, coupons: int, now: int
) -> None:
    """Abort(support_limit) where the person may not give so many more on this day of the school."""
    if asker.a_day is None:
        return
    day = datetime.fromtimestamp(now / 1000, parts.zone).date().isoformat()
    if not await support_days.take(conn, asker.subject, day, coupons, asker.a_day):
        used = await support_days.given(conn, asker.subject, day)
        facts = {"most": asker.a_day, "used": used}
        raise Abort(Refused(Code.SUPPORT_LIMIT, f"{asker.a_day - used} are left today", facts))


async def _drive_on(parts: IssueParts, issuance_id: str, driver: str | None = None) -> None:
    """Drive it as far as the request has time. What fails now, a worker tries again."""
    with suppress(DeskUnavailableError, LedgerUnavailableError):
        await drive(parts, issuance_id, driver, _IN_REQUEST_SECONDS)


async def _find(parts: IssueParts, issuance_id: str) -> Issuance | Refused:
    async with parts.ledger.read() as conn:
        return await issuances.find(conn, issuance_id) or Refused(Code.NOT_FOUND)


@returns_refusal
async def stop(parts: IssueParts, issuance_id: str, actor: str) -> Issuance | Refused:
    """Let it give no more; students who are not decided yet get nothing. Repeatable.

    Refuses with not_found; wrong_state once it is done or undone.
    """
    return await _end(parts, issuance_id, actor, IssuanceState.STOPPED)


@returns_refusal
async def undo(parts: IssueParts, issuance_id: str, actor: str) -> Issuance | Refused:
    """Let it give no more, and take back what is not used. Repeatable.

    Refuses with not_found; wrong_state when an hour has passed since its end.
    """
    return await _end(parts, issuance_id, actor, IssuanceState.UNDONE)


async def _end(
    parts: IssueParts, issuance_id: str, actor: str, state: IssuanceState
) -> Issuance | Refused:
    now = parts.clock()
    async with parts.ledger.begin() as conn:
        current = await issuances.find(conn, issuance_id, for_update=True)
        if current is None:
            raise Abort(Refused(Code.NOT_FOUND))
        if current.state is not state:
            abort_if(_end_refusal(current, state, now))
            columns: dict[str, object] = {"state": state.value, "due_at": now}
            if current.started_at is None and current.state in WAITING:
                columns |= {"started_at": now}  # nobody is in it any more
            await issuances.change(conn, issuance_id, **columns)
            if current.state is IssuanceState.DRAFT:
                await withdraw(conn, issuance_id, actor, now)
            is_stop = state is IssuanceState.STOPPED
            action = Action.ISSUANCE_STOPPED if is_stop else Action.ISSUANCE_UNDONE
            await acts.write_act(conn, actor, action, issuance_id, now, was=current.state.value)
    if current.asked <= SMALL or current.state in WAITING:
        await _drive_on(parts, issuance_id)
    return await _find(parts, issuance_id)


def _end_refusal(current: Issuance, state: IssuanceState, now: int) -> Refused | None:
    if current.state in UNDER_WAY:
        return None
    ended_at = current.finished_at
    is_late = ended_at is not None and now >= ended_at + TAKE_BACK_MS
    if state is IssuanceState.UNDONE and not is_late:
        return None
    detail = "an hour has passed since its end" if is_late else f"it is {current.state}"
    return Refused(Code.WRONG_STATE, detail, {"state": current.state.value})


async def show(parts: IssueParts, issuance_id: str) -> Issuance | Refused:
    return await _find(parts, issuance_id)


async def list_issuances(
    parts: IssueParts,
    batch_id: str | None,
    parent_id: str | None,
    source_id: str | None,
    after: str | None,
    limit: int,
) -> list[Issuance]:
    """Return a page, newest first; of that batch, of that recurring issuance, or from that source."""
    async with parts.ledger.read() as conn:
        return await issuances.page(conn, limit, after, batch_id, parent_id, source_id)


async def list_items(
    parts: IssueParts,
    issuance_id: str,
    outcome: ItemOutcome | None,
    after: str | None,
    limit: int,
    *,
    is_pending: bool = False,
) -> list[IssuanceItem] | Refused:
    """Return a page of the students with their outcomes, in the order of their ids; not_found.

    `is_pending`: only those who are not decided yet.
    """
    async with parts.ledger.read() as conn:
        if await issuances.find(conn, issuance_id) is None:
            return Refused(Code.NOT_FOUND)
        return await issuance_items.page(
            conn, issuance_id, outcome, after, limit, is_pending=is_pending
        )
