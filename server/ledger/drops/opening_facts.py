"""Reads in one statement all that decides whether a teacher may open a drop of a batch.

Called between the teacher's click and the students' card.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.access.rules import AccessRule, RuleKind
from server.core.promotions.batches import Batch
from server.core.promotions.price_rules import PriceRule
from server.core.promotions.stops import StopState
from server.core.promotions.templates import Template
from server.ledger.access import rules
from server.ledger.promotions import batches, price_rules, stops, templates
from server.ledger.together import read_together


@dataclass(frozen=True, slots=True)
class OpeningFacts:
    """`template`: the version that the batch keeps. `stops` of the batch, its campaign and everything, by
    target. `stopped`: the rule that stops the instructor.
    """

    batch: Batch | None
    template: Template | None
    stops: Mapping[str, StopState]
    stopped: AccessRule | None
    price_rules: list[PriceRule]


_READINGS = (
    batches.LOCKED_AGAINST_EDITS,
    batches.ROOMS,
    templates.OF_BATCH,
    stops.OF_BATCH,
    rules.IN_FORCE,
    price_rules.ALL,
)


async def read_opening_facts(
    conn: AsyncConnection, batch_id: str, instructor: str, now: int
) -> OpeningFacts:
    """Return the facts, and lock the batch against edits until the transaction ends; units may still be
    taken.
    """
    asked = {"batch": batch_id, "value": instructor, "kind": RuleKind.INSTRUCTOR.value, "now": now}
    for _ in range(2):
        rows, rooms, template, *others = await read_together(conn, _READINGS, asked)
        batch = batches.batch_of(rows, rooms)
        if batch is None or template.batch_version == batch.version:
            break
        # The batch was being edited: what belongs to it is that of before. It is locked now.
    return OpeningFacts(batch, template and template.template, *others)
