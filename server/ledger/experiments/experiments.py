"""Experiments as rows. Called by flows/experiments inside their transactions.

That a batch is in one running experiment at most is a unique index.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.experiments.experiments import Experiment, ExperimentState, Variant
from server.core.experiments.results import Sums
from server.core.ids import BatchId
from server.ledger.tables import experiment_variants, experiments

_E, _V = experiments.c, experiment_variants.c


async def insert_experiment(conn: AsyncConnection, experiment: Experiment) -> None:
    await conn.execute(
        insert(experiments).values(
            id=experiment.id,
            name=experiment.name,
            state=experiment.state.value,
            hold_out=experiment.hold_out,
            currency=experiment.currency,
            metadata=dict(experiment.metadata),
            created_by=experiment.created_by,
            created_at=experiment.created_at,
        )
    )
    rows = [
        {
            "experiment_id": experiment.id,
            "number": number,
            "batch_id": variant.batch_id,
            "share": variant.share,
            "running": True,
        }
        for number, variant in enumerate(experiment.variants)
    ]
    await conn.execute(insert(experiment_variants), rows)


async def find(conn: AsyncConnection, experiment_id: str) -> Experiment | None:
    """Return the experiment."""
    found = await _with_variants(conn, select(experiments).where(_E.id == experiment_id))
    return found[0] if found else None


async def page(conn: AsyncConnection, after: str | None, limit: int) -> list[Experiment]:
    """Return a page of experiments, newest first, from behind the experiment `after`."""
    query = select(experiments).order_by(_E.id.desc()).limit(limit)
    return await _with_variants(conn, query if after is None else query.where(_E.id < after))


async def running_of(
    conn: AsyncConnection, batch_ids: Collection[str] | None = None
) -> list[Experiment]:
    """Return the running experiments that have one of these batches; None: all that run."""
    query = select(_V.experiment_id).where(_V.running.is_(True))
    if batch_ids is not None:
        query = query.where(_V.batch_id.in_(sorted(batch_ids)))
    return await _with_variants(conn, select(experiments).where(_E.id.in_(query)))


async def is_any_running(conn: AsyncConnection) -> bool:
    """Return whether an experiment runs."""
    query = select(_V.experiment_id).where(_V.running.is_(True)).limit(1)
    return (await conn.scalar(query)) is not None


async def end(conn: AsyncConnection, experiment_id: str, now: int) -> bool:
    """End the experiment; False: it has ended already."""
    is_running = (_E.id == experiment_id) & (_E.state == ExperimentState.RUNNING.value)
    values = {"state": ExperimentState.ENDED.value, "ended_at": now}
    ended = await conn.execute(update(experiments).where(is_running).values(values))
    if ended.rowcount != 1:
        return False
    its = _V.experiment_id == experiment_id
    await conn.execute(update(experiment_variants).where(its).values(running=False))
    return True


async def ended_before(conn: AsyncConnection, before: int, limit: int) -> list[Experiment]:
    """Return experiments that ended before then and whose result is not kept yet."""
    query = select(experiments).where(_E.ended_at < before, _E.result.is_(None)).limit(limit)
    return await _with_variants(conn, query)


async def keep_result(conn: AsyncConnection, experiment_id: str, sums: dict[int, Sums]) -> bool:
    """Write the sums for good; False: they are kept already."""
    result = {str(variant): list(one) for variant, one in sums.items()}
    of = (_E.id == experiment_id) & _E.result.is_(None)
    kept = await conn.execute(update(experiments).where(of).values(result=result))
    return kept.rowcount == 1


async def kept_result(conn: AsyncConnection, experiment_id: str) -> dict[int, Sums] | None:
    """Return the sums that were kept; None: they are to be read from the rows."""
    kept = await conn.scalar(select(_E.result).where(_E.id == experiment_id))
    return None if kept is None else {int(one): Sums(*sums) for one, sums in kept.items()}


async def _with_variants(conn: AsyncConnection, query: Any) -> list[Experiment]:
    rows = (await conn.execute(query)).all()
    variants: defaultdict[str, list[Variant]] = defaultdict(list)
    if rows:
        ids = [row.id for row in rows]
        of = select(experiment_variants).where(_V.experiment_id.in_(ids)).order_by(_V.number)
        for row in await conn.execute(of):
            variants[row.experiment_id].append(Variant(BatchId(row.batch_id), row.share))
    return [_experiment(row, variants[row.id]) for row in rows]


def _experiment(row: Row[Any], variants: Sequence[Variant]) -> Experiment:
    fields = row._mapping
    return Experiment(
        id=fields["id"],
        name=fields["name"],
        variants=tuple(variants),
        hold_out=fields["hold_out"],
        currency=fields["currency"],
        state=ExperimentState(fields["state"]),
        created_by=fields["created_by"],
        created_at=fields["created_at"],
        ended_at=fields["ended_at"],
        metadata=fields["metadata"],
    )
