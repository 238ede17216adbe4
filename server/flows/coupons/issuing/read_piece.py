"""Read what is known of the students of one piece of an issuance: step 1 of issue_piece.py.

Called by issue_piece.py alone. Writes nothing; the outcomes that it finds are written with those of the
later steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.issuances import (
    Grants,
    Issuance,
    ItemOutcome,
    Standing,
    is_held_out,
    standing_outcome,
    window_refusal,
)
from server.core.ids import BatchId, StudentId
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.flows.access.blocked import blocked_among
from server.flows.coupons.issuing.issue import Lease
from server.flows.coupons.issuing.issue_eligibility import ineligible_among
from server.flows.coupons.issuing.issue_grants import batches_of, grants_of
from server.flows.promotions.stops import claims_refusal
from server.flows.stores import batch_and_template
from server.ledger.audiences.rules import Moment
from server.ledger.coupons.issuance_items import Span
from server.ledger.promotions import campaigns


@dataclass(frozen=True, slots=True)
class BatchFacts:
    batch: Batch
    template: Template
    standing: Standing


@dataclass(frozen=True, slots=True)
class Piece:
    """The result of step 1. `decided` are students who get nothing; `grants` are those of the others."""

    issuance: Issuance
    lease: Lease
    now: int
    span: Span
    facts: Mapping[BatchId, BatchFacts]
    decided: Mapping[StudentId, ItemOutcome]
    grants: Grants


async def read_piece(
    conn: AsyncConnection,
    issuance: Issuance,
    students: Sequence[StudentId],
    lease: Lease,
    moment: Moment,
) -> Piece:
    """Return who of these pending students gets nothing, and why, and what each of the others would get."""
    now, span = moment.now, Span(students[0], students[-1])
    of, percent = issuance.pack_id or issuance.batch_id or "", issuance.hold_out_percent
    held_out = [one for one in students if percent and is_held_out(of, one, percent)]
    decided = dict.fromkeys(held_out, ItemOutcome.HELD_OUT)
    facts = {one: await _facts_of(conn, one, now) for one in await batches_of(conn, issuance)}
    decided |= dict.fromkeys(_held_out_by_split(facts, students), ItemOutcome.HELD_OUT)
    rest = [one for one in students if one not in decided]
    blocked = await blocked_among(conn, rest, now)
    decided |= dict.fromkeys((one for one in rest if one in blocked), ItemOutcome.BLOCKED)
    fit = [one for one in rest if one not in blocked]
    grants = await grants_of(conn, issuance, fit, moment)
    # By grant: nearly always all students would get the same.
    by_grant = {
        wanted: standing_outcome([facts[one].standing for one in wanted])
        or (None if wanted else ItemOutcome.NOT_ELIGIBLE)
        for wanted in set(grants.values())
    }
    unfit = {
        one: await ineligible_among(conn, fact.batch, list(grants)) for one, fact in facts.items()
    }
    admitted: dict[StudentId, tuple[BatchId, ...]] = {}
    for student, wanted in grants.items():
        refused = by_grant[wanted]
        if refused is None and any(student in unfit[one] for one in wanted):
            refused = ItemOutcome.NOT_ELIGIBLE
        if refused is None:
            admitted[student] = wanted
        else:
            decided[student] = refused
    return Piece(issuance, lease, now, span, facts, decided, admitted)


def _held_out_by_split(
    facts: Mapping[BatchId, BatchFacts], students: Sequence[StudentId]
) -> list[StudentId]:
    """Return who is held out of the experiment that has one of the batches."""
    splits = [one.batch.conditions.split for one in facts.values()]
    held_out = [one for one in splits if one is not None and one.held_out]
    return [student for student in students if any(one.leaves_out(student) for one in held_out)]


async def _facts_of(conn: AsyncConnection, batch_id: BatchId, now: int) -> BatchFacts:
    batch, template = await batch_and_template(conn, batch_id)
    campaign = batch.campaign_id and await campaigns.find(conn, batch.campaign_id)
    standing = Standing(
        is_stopped=await claims_refusal(conn, batch) is not None,
        is_open=window_refusal(batch, template, campaign or None, now) is None,
    )
    return BatchFacts(batch, template, standing)
