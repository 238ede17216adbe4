"""Read what is wrong and takes sums over many rows: coupons that end unused, experiments whose groups are of
other sizes than they should be. Called by flows/alerts; changes nothing.
"""

from typing import Final

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.alerts.alerts import ENDING_MS, LEAST_ENDING, AlertKind, Fault, unused_level
from server.core.experiments.experiments import HELD_OUT, Experiment
from server.core.experiments.results import Sums, alarm_of
from server.ledger.experiments import experiments, exposures
from server.ledger.tables import batches, coupons

# The newest: who has more to look at than this reads them in lists.
_MOST: Final = 500


async def read_slow_faults(conn: AsyncConnection, now: int) -> list[Fault]:
    """Return everything of these kinds that is wrong at `now` (ms)."""
    return [*await _unused(conn, now), *await _splits(conn)]


async def _unused(conn: AsyncConnection, now: int) -> list[Fault]:
    c, b = coupons.c, batches.c
    ends_soon = _ends_soon(now)
    usable = text("coupons.state = 'usable'")  # written out, for the partial index
    unused = (
        select(c.batch_id, func.count().label("unused"))
        .where(usable, c.student.is_not(None), ends_soon)
        .group_by(c.batch_id)
        .having(func.count() >= LEAST_ENDING)
        .subquery()
    )
    # Only of the batches that have enough of them.
    given = (
        select(func.count())
        .where(c.batch_id == b.id, c.state.in_(["usable", "locked", "redeemed"]))
        .where(c.student.is_not(None), ends_soon)
        .correlate(batches)
        .scalar_subquery()
    )
    query = (
        select(b.id, b.name, unused.c.unused, given.label("given"))
        .join(unused, unused.c.batch_id == b.id)
        .order_by(b.id.desc())
        .limit(_MOST)
    )
    return [
        Fault(AlertKind.COUPONS_UNUSED, row.id, level, row.name, amount=row.given, left=row.unused)
        for row in await conn.execute(query)
        if (level := unused_level(row.given, row.unused)) is not None
    ]


def _ends_soon(now: int) -> ColumnElement[bool]:
    return (coupons.c.valid_until > now) & (coupons.c.valid_until <= now + ENDING_MS)


async def _splits(conn: AsyncConnection) -> list[Fault]:
    """Return the running experiments whose own result raises an alarm about the sizes of their groups."""
    found = []
    for experiment in await experiments.running_of(conn):
        sizes = await exposures.sizes(conn, experiment.id)
        alarm = alarm_of(
            experiment, [Sums(exposed=sizes.get(one, 0)) for one in _groups(experiment)]
        )
        if alarm is None:
            continue
        reason = " ≠ ".join(" : ".join(map(str, each)) for each in (alarm.exposed, alarm.expected))
        found.append(Fault(AlertKind.SPLIT_OFF, experiment.id, 1, experiment.name, reason=reason))
    return found


def _groups(experiment: Experiment) -> list[int]:
    held_out = [HELD_OUT] if experiment.hold_out else []
    return [*range(len(experiment.variants)), *held_out]
