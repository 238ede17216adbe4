"""Stop an instructor, and let them go on.

Called by the API for operators, which then closes what the instructor has open
(flows/drops/stop_instructor.py). Checked in the transaction of every flow that opens something for an
instructor: after the commit they open nothing. An opening that was checked before and commits after is found
by the worker within a second.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.access.instructors import InstructorStop, stopped
from server.core.access.rules import MAX_REASON, AccessRule, RuleKind
from server.core.acts import Action
from server.core.event_types import Event, EventType
from server.core.promotions.template_rules import text_violations
from server.core.refusals import Refused
from server.core.violations import refused
from server.flows.abort import returns_refusal
from server.flows.access import write_rule
from server.ids import new_id
from server.ledger import acts, event_log
from server.ledger.access import rules
from server.ledger.engine import Ledger

_KINDS = (RuleKind.INSTRUCTOR,)


@returns_refusal
async def stop(
    ledger: Ledger, instructor: str, reason: str, actor: str, now: int
) -> InstructorStop | Refused:
    """Stop the instructor. Repeatable: the reason of the first stop stays. Refuses with invalid_field."""
    broken = [*text_violations("reason", reason.strip(), MAX_REASON)]
    if broken:
        return refused(broken)
    made = AccessRule(
        id=new_id("ins"),
        kind=RuleKind.INSTRUCTOR,
        value=instructor,
        reason=reason.strip(),
        created_by=actor,
        created_at=now,
    )
    async with ledger.begin() as conn:
        before = await rules.find_in_force(conn, RuleKind.INSTRUCTOR, instructor, now)
        if before is not None:
            return state_of(before)
        written = await write_rule.put(conn, made, _KINDS)
        what = {"reason": made.reason}
        await acts.write_act(conn, actor, Action.INSTRUCTOR_STOPPED, instructor, now, **what)
        event = Event(EventType.INSTRUCTOR_STOPPED, now, instructor, {**what, "by": actor})
        await event_log.record(conn, [event])
    return state_of(written)


@returns_refusal
async def resume(
    ledger: Ledger, instructor: str, reason: str, actor: str, now: int
) -> InstructorStop | Refused:
    """Let the instructor go on. Repeatable. What was stopped stays closed. Refuses with invalid_field."""
    broken = [*text_violations("reason", reason, MAX_REASON)] if reason else []
    if broken:
        return refused(broken)
    async with ledger.begin() as conn:
        before = await rules.find_in_force(conn, RuleKind.INSTRUCTOR, instructor, now)
        if before is None:
            return InstructorStop(instructor)
        await write_rule.end(conn, before, actor, now)
        what = {"reason": reason}
        await acts.write_act(conn, actor, Action.INSTRUCTOR_RESUMED, instructor, now, **what)
        event = Event(EventType.INSTRUCTOR_RESUMED, now, instructor, {**what, "by": actor})
        await event_log.record(conn, [event])
    return InstructorStop(instructor, False, reason, actor, now)


async def instructor_refusal(conn: AsyncConnection, actor: str, now: int) -> Refused | None:
    """Return the refusal `instructor_stopped` where this actor is stopped, else None."""
    return refusal_of(await rules.find_in_force(conn, RuleKind.INSTRUCTOR, actor, now))


def refusal_of(rule: AccessRule | None) -> Refused | None:
    """Return the refusal of what the instructor of this rule would open; None where there is no rule."""
    return stopped(rule.value, rule.reason) if rule is not None else None


def state_of(rule: AccessRule) -> InstructorStop:
    """Return the stop that a rule in force stands for."""
    return InstructorStop(rule.value, True, rule.reason, rule.created_by, rule.created_at)
