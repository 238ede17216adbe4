"""Start experiments, end them, and read their results.

Called by the API for operators. A start writes the split of each share into the claim conditions of its
batch, in one transaction, with the batches' rows locked: no drop, code or coupon of them is made by another
rule. An end takes the splits away, and the batches are for everybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.experiments.experiments import (
    Experiment,
    KnownBatch,
    splits_of,
    violations,
)
from server.core.experiments.results import Result, result_of
from server.core.ids import BatchId
from server.core.promotions.batches import Batch
from server.core.promotions.splits import Split
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.flows.abort import Abort, abort_if, returns_refusal
from server.flows.idempotency import find_previous_result
from server.flows.stores import template_of
from server.ledger import acts
from server.ledger.engine import Ledger
from server.ledger.experiments import experiments as rows
from server.ledger.experiments import exposures
from server.ledger.idempotency import IdempotencyKey
from server.ledger.promotions import batches


@dataclass(frozen=True, slots=True)
class Shown:
    """An experiment with its result as of now."""

    experiment: Experiment
    result: Result


@returns_refusal
async def start(
    ledger: Ledger, experiment: Experiment, key: IdempotencyKey | None, now: int
) -> Shown | Refused:
    """Start the experiment; its currency is found here. `invalid_field` for shares that do not add up, and
    for batches that are unknown, in use, in another experiment or of another currency.
    """
    async with ledger.begin() as conn:
        earlier = await find_previous_result(conn, key, experiment.id, now)
        if earlier is not None:
            return await _shown(conn, earlier)
        found = await _lock(conn, [each.batch_id for each in experiment.variants])
        known = await _known(conn, found)
        first = known.get(experiment.variants[0].batch_id)
        experiment = replace(experiment, currency=first.currency if first is not None else "")
        broken = [*violations(experiment, known)]
        abort_if(refused(broken) if broken else None)
        await rows.insert_experiment(conn, experiment)
        for variant, split in zip(experiment.variants, splits_of(experiment), strict=True):
            await _set_split(conn, found[variant.batch_id], split)
        named = [variant.batch_id for variant in experiment.variants]
        by, action = experiment.created_by, Action.EXPERIMENT_STARTED
        await acts.write_act(conn, by, action, experiment.id, now, batches=named)
    return Shown(experiment, result_of(experiment, {}))


async def _lock(conn: AsyncConnection, batch_ids: Sequence[BatchId]) -> dict[BatchId, Batch]:
    """Lock the batches that exist, in the order of their ids."""
    found = {one: await batches.find_for_update(conn, one) for one in sorted(set(batch_ids))}
    return {one: batch for one, batch in found.items() if batch is not None}


async def _known(conn: AsyncConnection, found: dict[BatchId, Batch]) -> dict[BatchId, KnownBatch]:
    return {
        batch_id: KnownBatch(
            currency=(await template_of(conn, batch)).form.currency,
            is_used=await batches.is_used(conn, batch_id),
            is_in_experiment=batch.conditions.split is not None,
        )
        for batch_id, batch in found.items()
    }


async def _set_split(conn: AsyncConnection, batch: Batch, split: Split | None) -> None:
    conditions = replace(batch.conditions, split=split)
    await batches.replace(conn, replace(batch, conditions=conditions, version=batch.version + 1))


@returns_refusal
async def end(ledger: Ledger, experiment_id: str, actor: str, now: int) -> Shown | Refused:
    """End the experiment, and let its batches be for everybody; not_found. Repeatable."""
    async with ledger.begin() as conn:
        experiment = await rows.find(conn, experiment_id)
        if experiment is None:
            raise Abort(Refused(Code.NOT_FOUND))
        found = await _lock(conn, [each.batch_id for each in experiment.variants])
        if await rows.end(conn, experiment_id, now):
            for batch in found.values():
                await _set_split(conn, batch, None)
            await acts.write_act(conn, actor, Action.EXPERIMENT_ENDED, experiment_id, now)
        return await _shown(conn, experiment_id)


@returns_refusal
async def show(ledger: Ledger, experiment_id: str) -> Shown | Refused:
    """Return the experiment with its result; not_found."""
    async with ledger.read() as conn:
        return await _shown(conn, experiment_id)


async def _shown(conn: AsyncConnection, experiment_id: str) -> Shown:
    experiment = await rows.find(conn, experiment_id)
    if experiment is None:
        raise Abort(Refused(Code.NOT_FOUND))
    sums = await rows.kept_result(conn, experiment_id)
    if sums is None:
        sums = await exposures.sums(conn, experiment)
    return Shown(experiment, result_of(experiment, sums))


async def list_experiments(ledger: Ledger, after: str | None, limit: int) -> list[Experiment]:
    """Return a page of experiments, newest first, from behind the experiment `after`."""
    async with ledger.read() as conn:
        return await rows.page(conn, after, limit)
