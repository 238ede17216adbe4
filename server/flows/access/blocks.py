"""Block a student, person, device or tag, and end the block.

Called by the API for operators. After the commit nothing that asks the ledger gives the account anything;
taps are refused within a second, in every process (follow_rules.py). What the account has stays theirs:
coupons can be used, an order can be paid, a win that was told is confirmed.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core import instants
from server.core.access.blocks import BlockForm, violations
from server.core.access.rules import BLOCKS, AccessRule, RuleKind
from server.core.acts import Action
from server.core.event_types import Event, EventType
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.desk.feed.feed import Feed
from server.flows.abort import Abort, returns_refusal
from server.flows.access import write_rule
from server.flows.idempotency import find_previous_result
from server.ids import new_id
from server.ledger import acts, event_log
from server.ledger.access import rules
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey


@returns_refusal
async def block(
    ledger: Ledger, feed: Feed, form: BlockForm, actor: str, now: int, key: IdempotencyKey | None
) -> AccessRule | Refused:
    """Block whoever the form names. A block of the same value takes the place of the one before.

    Refuses with invalid_field, and with too_many beyond the number of blocks that processes remember.
    """
    broken = violations(form, now)
    if broken:
        return refused(broken)
    made = AccessRule(
        id=new_id("blk"),
        kind=form.kind,
        value=form.value,
        reason=form.reason.strip(),
        created_by=actor,
        created_at=now,
        until=form.until,
        metadata=form.metadata,
    )
    async with ledger.begin() as conn:
        earlier = await find_previous_result(conn, key, made.id, now)
        if earlier is not None:
            return await rules.find(conn, earlier) or Refused(Code.NOT_FOUND)
        written = await write_rule.put(conn, made, BLOCKS)
        await acts.write_act(conn, actor, Action.BLOCK_MADE, made.id, now, kind=form.kind.value)
        await event_log.record(conn, [_event(EventType.STUDENT_BLOCKED, written, now)])
    await write_rule.tell(feed)
    return written


@returns_refusal
async def unblock(
    ledger: Ledger, feed: Feed, block_id: str, actor: str, now: int
) -> AccessRule | Refused:
    """End a block. Repeatable; not_found."""
    async with ledger.begin() as conn:
        ended = await _end(conn, await rules.find(conn, block_id), actor, now)
    await write_rule.tell(feed)
    return ended


@returns_refusal
async def unblock_value(
    ledger: Ledger, feed: Feed, kind: RuleKind, value: str, actor: str, now: int
) -> AccessRule | Refused:
    """End the block that names this value now; not_found where there is none."""
    async with ledger.begin() as conn:
        ended = await _end(conn, await rules.find_in_force(conn, kind, value, now), actor, now)
    await write_rule.tell(feed)
    return ended


async def _end(conn: AsyncConnection, found: AccessRule | None, actor: str, now: int) -> AccessRule:
    if found is None or found.kind not in BLOCKS:
        raise Abort(Refused(Code.NOT_FOUND))
    if not found.is_in_force(now):
        return found
    ended = await write_rule.end(conn, found, actor, now)
    await acts.write_act(conn, actor, Action.BLOCK_ENDED, ended.id, now, kind=ended.kind.value)
    await event_log.record(conn, [_event(EventType.STUDENT_UNBLOCKED, ended, now)])
    return ended


def _event(kind: EventType, rule: AccessRule, now: int) -> Event:
    """Return the event of a block. It names a student where an erasure finds them, and nowhere else."""
    is_student = rule.kind is RuleKind.STUDENT
    data: dict[str, object] = {"kind": rule.kind.value, "reason": rule.reason}
    data |= {} if is_student else {"value": rule.value}
    data["until"] = rule.until and instants.to_text(rule.until)
    return Event(kind, now, rule.id, data, rule.value if is_student else None)
