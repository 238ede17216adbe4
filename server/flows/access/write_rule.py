"""Write one access rule, and tell the web processes of it.

Used by blocks.py, revocations.py and instructors.py. `put` and `end` are called first in a transaction: they
lock the version of all rules.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.access.rules import MAX_IN_FORCE, AccessRule, RuleKind
from server.core.refusals import Code, Refused
from server.desk import DeskUnavailableError
from server.desk.feed.feed import Feed
from server.flows.abort import Abort
from server.ledger.access import rules


async def put(conn: AsyncConnection, rule: AccessRule, counted: Collection[RuleKind]) -> AccessRule:
    """Insert the rule in place of the one that names the same value; return it as it is now.

    Abort(too_many) where as many rules of the kinds `counted` are in force as a process may remember.
    """
    written = replace(rule, version=await rules.raise_version(conn))
    replaced = await rules.end_rule_of(
        conn, rule.kind, rule.value, rule.created_by, rule.created_at, written.version
    )
    if not replaced and await rules.count_in_force(conn, counted) >= MAX_IN_FORCE:
        detail = f"at most {MAX_IN_FORCE} may be in force"
        raise Abort(Refused(Code.TOO_MANY, detail, {"max": MAX_IN_FORCE}))
    await rules.insert_rule(conn, written)
    return written


async def end(conn: AsyncConnection, rule: AccessRule, actor: str, now: int) -> AccessRule:
    """End the rule, if it is in force; return it as it is now."""
    changed = await rules.raise_version(conn)
    await rules.end_rule_of(conn, rule.kind, rule.value, actor, now, changed)
    return await rules.find(conn, rule.id) or rule


async def tell(feed: Feed) -> None:
    """Tell every web process to read the rules. Where Redis is away, they look by the clock."""
    with suppress(DeskUnavailableError):
        await feed.tell_access_changed()
