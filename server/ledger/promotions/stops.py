"""Stops as rows: targets (all, a campaign, a batch) whose claims or use are stopped.

Called by flows/promotions/stops.py, flows/checkout/quotes.py, flows/checkout/redemptions.py and the rebuild
of a desk. Every change raises the version in the row of `all` and so waits for that row: changes are
serialized, and a desk that has a version knows all changes up to it.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.promotions.stops import EVERYTHING, StopForm, StopState
from server.ledger.bulk import insert_unless_there
from server.ledger.tables import batches, stops
from server.ledger.together import Reading


async def change(
    conn: AsyncConnection, form: StopForm, is_stop: bool, actor: str, now: int
) -> None:
    """Stop or resume claims, use, or both, as `form` says, and raise the version."""
    await _add(conn, EVERYTHING)
    raised = update(stops).where(stops.c.target == EVERYTHING).values(version=stops.c.version + 1)
    await conn.execute(raised)
    await _add(conn, form.target)
    who = {"changed_by": actor, "changed_at": now, "reason": form.reason}
    named = {"claims": form.claims, "use": form.use}
    moved = {name: is_stop for name, is_named in named.items() if is_named}
    await conn.execute(update(stops).where(stops.c.target == form.target).values(**moved, **who))


async def _add(conn: AsyncConnection, target: str) -> None:
    """Insert the target with nothing stopped, unless it exists."""
    nothing = {"claims": False, "use": False, "reason": "", "version": 0}
    fresh = insert_unless_there(conn.dialect, stops, "target")
    await conn.execute(fresh.values(target=target, **nothing, changed_by="", changed_at=0))


async def find(conn: AsyncConnection, target: str) -> StopState:
    """Return the state of the target; nothing is stopped if it has no row."""
    return (await of_targets(conn, [target])).get(target, StopState(target))


async def of_targets(conn: AsyncConnection, targets: Collection[str]) -> dict[str, StopState]:
    """Return the state of those of these targets that have a row."""
    found = await conn.execute(_OF_TARGETS, {"targets": list(targets)})
    return {row[0]: StopState(*row) for row in found}


async def version(conn: AsyncConnection) -> int:
    """Return the version of the stops; 0 if nothing was ever stopped."""
    query = select(stops.c.version).where(stops.c.target == EVERYTHING)
    return int(await conn.scalar(query) or 0)


async def stopped_claims(conn: AsyncConnection) -> tuple[int, list[str]]:
    """Return the version, and the targets whose claims are stopped."""
    now = await version(conn)
    return now, list(await conn.scalars(select(stops.c.target).where(stops.c.claims)))


async def without_use(conn: AsyncConnection) -> frozenset[str]:
    """Return the targets whose use is stopped."""
    return frozenset(await conn.scalars(USE_STOPPED.query))


async def batches_among(
    conn: AsyncConnection, stopped: Collection[str], batch_ids: Collection[str]
) -> frozenset[str]:
    """Return those of these batches that one of the stopped targets names, or whose campaign it names."""
    if not stopped or not batch_ids:
        return frozenset()
    if EVERYTHING in stopped:
        return frozenset(batch_ids)
    query = select(batches.c.id, batches.c.campaign_id).where(batches.c.id.in_(set(batch_ids)))
    rows = await conn.execute(query)
    return frozenset(row[0] for row in rows if row[0] in stopped or row[1] in stopped)


# In the order of StopState's fields.
_STATE = ("target", "claims", "use", "reason", "changed_by", "changed_at")

_OF_TARGETS = select(*(stops.c[name] for name in _STATE)).where(
    stops.c.target.in_(bindparam("targets", expanding=True))
)
# For opening_facts.py, with the parameter `batch`.
_CAMPAIGN = select(batches.c.campaign_id).where(batches.c.id == bindparam("batch"))
OF_BATCH: Final = Reading(
    select(*(stops.c[name] for name in _STATE)).where(
        or_(
            stops.c.target == EVERYTHING,
            stops.c.target == bindparam("batch"),
            stops.c.target == _CAMPAIGN.scalar_subquery(),
        )
    ),
    lambda rows: {row["target"]: StopState(**row) for row in rows},
)
USE_STOPPED: Final = Reading(
    select(stops.c.target).where(stops.c.use), lambda rows: frozenset(row["target"] for row in rows)
)
