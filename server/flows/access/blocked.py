"""Say who is blocked, in the transaction of a flow that gives something.

Called by the flows that bind codes, issue coupons and make offers: a block that was committed before is seen.
Taps ask core/access/in_force.py instead, which has the blocks in memory.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.access.blocks import BLOCKED
from server.core.access.rules import RuleKind
from server.core.refusals import Refused
from server.ledger.access import rules


@dataclass(frozen=True, slots=True)
class BlockedAs:
    """Everything by which a block may name an account."""

    student: str
    tags: Collection[str] = ()
    person: str | None = None
    device: str | None = None


async def blocked_among(
    conn: AsyncConnection, students: Collection[str], now: int
) -> frozenset[str]:
    """Return those of these students who get nothing now. One statement, however many they are."""
    return await rules.blocked_students(conn, students, now) if students else frozenset()


async def blocked_accounts(
    conn: AsyncConnection, accounts: Sequence[tuple[str, str, str]], now: int
) -> frozenset[str]:
    """Return the students among these (student, person, device) who get nothing now; "" where a token named
    no person or no device."""
    students, persons, devices = (
        {values[at] for values in accounts if values[at]} for at in range(3)
    )
    by_person = await rules.blocked_holders(conn, RuleKind.PERSON, persons, now)
    by_device = await rules.blocked_holders(conn, RuleKind.DEVICE, devices, now)
    by_token = {s for s, person, device in accounts if person in by_person or device in by_device}
    return await blocked_among(conn, students, now) | by_token


async def block_refusal(conn: AsyncConnection, account: BlockedAs, now: int) -> Refused | None:
    """Return the refusal `blocked` where a block names the account, else None."""
    named = [(RuleKind.STUDENT, account.student)]
    named += [(RuleKind.TAG, tag) for tag in account.tags]
    named += [(RuleKind.PERSON, account.person)] if account.person else []
    named += [(RuleKind.DEVICE, account.device)] if account.device else []
    return BLOCKED if await rules.is_any_in_force(conn, named, now) else None
