"""Ask for the approval of a send that is over a limit, and carry out what was decided about it.

Called by issuances.py, and by flows/approvals as the `Applier` of issuances. A draft has its students and its
place in the lists already; it does nothing until it has a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.approvals.approvals import (
    Approval,
    ApprovalKind,
    ApprovalState,
    SendLimits,
    greatest_amount,
    over_limits,
)
from server.core.checkout.quoting.discounts import greatest_discount
from server.core.coupons.issuances import (
    Issuance,
    IssuanceSource,
    IssuanceState,
    NewIssuance,
    first_state,
)
from server.core.coupons.packs import Pack
from server.core.coupons.recurrence import next_time
from server.core.ids import StudentId
from server.flows.approvals import approvals
from server.flows.approvals.approvals import Appliers
from server.flows.coupons.issuing.check_send import check_send
from server.flows.coupons.issuing.issue_population import known_size
from server.flows.stores import batch_and_template
from server.ids import new_id
from server.ledger.coupons import issuances, packs


@dataclass(frozen=True, slots=True)
class SendSize:
    """The size of a send, as far as it is known: how many students, and what it costs at most in minor units
    of `currency`. None: nobody knows yet, or nothing bounds it. `over`: the names of the limits that it is
    over."""

    students: int | None
    amount: int | None
    currency: str
    over: list[str]


async def find_over(
    conn: AsyncConnection, form: NewIssuance, students: Sequence[StudentId], limits: SendLimits
) -> SendSize | None:
    """Return the size of a send that is over one of the limits; None where one operator may send it."""
    if not limits.students and not limits.amount:
        return None
    size = await known_size(conn, form)
    if form.source is IssuanceSource.API:
        size = len(set(students))
    currency, each = await _each(conn, form)
    over = over_limits(limits, size, each)
    return SendSize(size, greatest_amount(size, each), currency, over) if over else None


async def _each(conn: AsyncConnection, form: NewIssuance) -> tuple[str, int | None]:
    """Return the currency, and what the coupons of one student cost at most."""
    pack = None if form.pack_id is None else await packs.find(conn, form.pack_id)
    wanted = [form.batch_id] if pack is None else list(pack.batches)
    costs: dict[str, int | None] = {}
    currency = ""
    for batch_id in filter(None, wanted):
        template = (await batch_and_template(conn, batch_id))[1]
        currency = template.form.currency
        costs[batch_id] = greatest_discount(template.discount)
    return currency, _sum(pack, costs)


def _sum(pack: Pack | None, costs: Mapping[str, int | None]) -> int | None:
    if any(cost is None for cost in costs.values()):
        return None
    known = {batch_id: cost or 0 for batch_id, cost in costs.items()}
    if pack is None or pack.variants:
        return max(known.values(), default=0)
    return sum(known[batch_id] for batch_id in pack.grant)


async def ask_approval(
    conn: AsyncConnection,
    draft: Issuance,
    send_at: int | None,
    size: SendSize,
    undo_ms: int,
    zone: tzinfo,
) -> None:
    """Let the draft wait for a second operator, in the transaction that made it."""
    about = {"batch": draft.batch_id, "pack": draft.pack_id, "reason": draft.reason}
    facts = {
        "over": size.over,
        "students": size.students,
        "amount": size.amount,
        "currency": size.currency,
        **{name: value for name, value in about.items() if value is not None},
    }
    asked = Approval(
        id=new_id("apv"),
        kind=ApprovalKind.ISSUANCE,
        subject=draft.id,
        state=ApprovalState.WAITING,
        facts=facts,
        plan={"send_at": send_at, "undo_ms": undo_ms, "zone": str(zone)},
        asked_by=draft.created_by,
        asked_at=draft.created_at,
    )
    await approvals.ask(conn, asked)


async def apply_decision(
    conn: AsyncConnection, approval: Approval, is_approved: bool, now: int
) -> bool:
    """Give the draft its time, or stop it; return whether it was a draft still. Locks its row.

    Abort(wrong_state) where its coupons may not go out at that time any more.
    """
    draft = await issuances.find(conn, approval.subject, for_update=True)
    if draft is None or draft.state is not IssuanceState.DRAFT:
        return False
    if not is_approved:
        ended = {"state": IssuanceState.STOPPED.value, "due_at": now, "started_at": now}
        await issuances.change(conn, draft.id, **ended)
        return True
    form = _form(draft, approval.plan, now)
    undo_ms = _number(approval.plan["undo_ms"])
    state, due_at = first_state(form, now, undo_ms, counts_down=undo_ms > 0)
    await check_send(conn, form, due_at)
    await issuances.change(conn, draft.id, state=state.value, due_at=due_at)
    return True


def _form(draft: Issuance, plan: Mapping[str, object], now: int) -> NewIssuance:
    """Return what was asked for, with a first time that is still to come where it repeats."""
    send_at = None if plan["send_at"] is None else _number(plan["send_at"])
    earliest = now + _number(plan["undo_ms"])
    if draft.repeat is not None and send_at is not None and send_at < earliest:
        zone = ZoneInfo(str(plan["zone"]))
        send_at = next_time(draft.repeat, send_at, earliest - 1, zone) or earliest
    return NewIssuance(
        reason=draft.reason,
        batch_id=draft.batch_id,
        pack_id=draft.pack_id,
        source=draft.source,
        source_id=draft.source_id,
        send_at=send_at,
        repeat=draft.repeat,
    )


def _number(value: object) -> int:
    assert isinstance(value, int)  # `ask_approval` has written it
    return value


APPLIERS: Final[Appliers] = {ApprovalKind.ISSUANCE: apply_decision}
