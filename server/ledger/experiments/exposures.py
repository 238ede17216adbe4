"""Exposures as rows, and sums over what exposed students did.

Called by flows/experiments. A student is exposed once; what they did is read from coupons and orders when it
is asked for, so it is never behind and never counted twice.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Float, Subquery, case, cast, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.experiments.experiments import Experiment
from server.core.experiments.results import Sums
from server.core.ids import DropId, StudentId
from server.ledger.bulk import insert_into
from server.ledger.tables import (
    coupons,
    drops,
    experiment_variants,
    exposures,
    issuance_items,
    redemptions,
    refunds,
)

_E = exposures.c
_AT_ONCE = 500  # rows of one statement


class LiveDrop(NamedTuple):
    """A drop of a variant whose card students see now, or saw a moment ago."""

    id: DropId
    room: str
    batch_id: str
    experiment_id: str


class Exposure(NamedTuple):
    """`at` in ms."""

    student: str
    variant: int
    at: int


async def add(conn: AsyncConnection, experiment_id: str, found: Sequence[Exposure]) -> int:
    """Add those who were not exposed before; return how many."""
    added = 0
    for start in range(0, len(found), _AT_ONCE):
        rows = [
            {
                "experiment_id": experiment_id,
                "student": one.student,
                "variant": one.variant,
                "exposed_at": one.at,
            }
            for one in found[start : start + _AT_ONCE]
        ]
        insert = insert_into(conn.dialect, exposures).values(rows).on_conflict_do_nothing()
        added += (await conn.execute(insert)).rowcount
    return added


async def live_drops(conn: AsyncConnection, now: int, since: int) -> list[LiveDrop]:
    """Return the drops of running experiments that are open, or were closed after `since` (ms)."""
    of, its = drops.c, experiment_variants.c
    is_shown = (of.opens_at <= now) & ((of.state == "open") | (of.closed_at > since))
    query = (
        select(of.id, of.room, of.batch_id, its.experiment_id)
        .join(experiment_variants, its.batch_id == of.batch_id)
        .where(its.running.is_(True), of.rehearsal.is_(False), is_shown)
        .order_by(of.id)
    )
    return [LiveDrop(*row) for row in await conn.execute(query)]


async def held_out_of(conn: AsyncConnection, issuance_id: str) -> list[tuple[StudentId, int]]:
    """Return who got nothing of the issuance to be compared with the others, and since when (ms)."""
    its = issuance_items.c
    query = select(its.student, its.decided_at).where(
        its.issuance_id == issuance_id, its.outcome == "held_out"
    )
    return [(StudentId(student), at) for student, at in await conn.execute(query)]


async def sizes(conn: AsyncConnection, experiment_id: str) -> dict[int, int]:
    """Return how many students are exposed, by group, the hold-out under -1."""
    query = select(_E.variant, func.count()).where(_E.experiment_id == experiment_id)
    return {row[0]: row[1] for row in await conn.execute(query.group_by(_E.variant))}


async def sums(conn: AsyncConnection, experiment: Experiment) -> dict[int, Sums]:
    """Return the sums by group, the hold-out under -1. Orders count from a student's exposure until the end
    of the experiment, in its currency; refunds whenever they come.
    """
    had, bought = _coupons_of(experiment), _orders_of(experiment)
    revenue = func.coalesce(bought.c.revenue, 0)
    query = (
        select(
            _E.variant,
            func.count(),
            func.count(had.c.student),
            func.coalesce(func.sum(had.c.used), 0),
            func.count(bought.c.student),
            func.coalesce(func.sum(bought.c.orders), 0),
            func.sum(revenue),
            # Squares of money are beyond 64 bits.
            func.sum(cast(revenue, Float) * cast(revenue, Float)),
            func.coalesce(func.sum(bought.c.cost), 0),
        )
        .select_from(exposures)
        .outerjoin(had, had.c.student == _E.student)
        .outerjoin(bought, bought.c.student == _E.student)
        .where(_E.experiment_id == experiment.id)
        .group_by(_E.variant)
    )
    return {row[0]: _plain(row[1:]) for row in await conn.execute(query)}


def _plain(row: Sequence[Any]) -> Sums:
    """Return the sums: PostgreSQL has those of money as decimals."""
    return Sums._make([one if isinstance(one, float) else int(one) for one in row])


def _coupons_of(experiment: Experiment) -> Subquery:
    """Select who has or had a coupon of the variants, and whether one of them is used now."""
    of = coupons.c
    is_used = func.max(case((of.state == "redeemed", 1), else_=0)).label("used")
    batches = [variant.batch_id for variant in experiment.variants]
    # The conditions are those of the index that has batch and student.
    is_its = of.batch_id.in_(batches) & (of.state != "revoked") & of.slot.is_not(None)
    query = select(of.student, is_used).where(is_its, of.student.is_not(None))
    return query.group_by(of.student).subquery()


def _orders_of(experiment: Experiment) -> Subquery:
    """Select what each exposed student paid since, with and without coupons."""
    of = redemptions.c
    paid_at = func.coalesce(of.paid_at, of.created_at)
    revenue = of.payable - _refunded(refunds.c.refunded)
    cost = of.discount - _refunded(refunds.c.charged_back)
    is_counted = (of.state == "redeemed") & (of.currency == experiment.currency)
    is_counted &= paid_at >= _E.exposed_at
    if experiment.ended_at is not None:
        is_counted &= paid_at <= experiment.ended_at
    return (
        select(
            of.student,
            func.count().label("orders"),
            func.sum(revenue).label("revenue"),
            func.sum(cost).label("cost"),
        )
        .select_from(exposures)
        .join(redemptions, of.student == _E.student)
        .where(_E.experiment_id == experiment.id, is_counted)
        .group_by(of.student)
        .subquery()
    )


def _refunded(column: ColumnElement[int]) -> ColumnElement[int]:
    each = refunds.c.redemption_id == redemptions.c.id
    return select(func.coalesce(func.sum(column), 0)).where(each).scalar_subquery()


async def delete_all(conn: AsyncConnection, experiment_id: str) -> None:
    """Delete the rows of an experiment whose result is kept."""
    await conn.execute(delete(exposures).where(_E.experiment_id == experiment_id))
