"""Reads in one statement what a teacher sees of drops, besides their rows and the live counts."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.receipts import Seal
from server.ledger.drops import cues, drop_results, seals
from server.ledger.drops.cues import DropCue
from server.ledger.drops.drop_results import DropResults
from server.ledger.drops.drop_row import DropRow
from server.ledger.promotions import batches
from server.ledger.promotions.batches import BatchSummary
from server.ledger.together import read_together


class ViewFacts(NamedTuple):
    """`offers` by batch, all others by drop."""

    offers: Mapping[str, BatchSummary]
    cues: Mapping[str, DropCue]
    seals: Mapping[str, Seal]
    results: Mapping[str, DropResults]


_READINGS = (batches.SUMMARIES, cues.OF_DROPS, seals.OF_DROPS, *drop_results.COUNTS)


async def read_view_facts(conn: AsyncConnection, rows: Sequence[DropRow]) -> ViewFacts:
    """Return what belongs to these drops."""
    drop_ids = [row.id for row in rows]
    asked = {"drop_ids": drop_ids, "batch_ids": list({row.batch_id for row in rows})}
    offers, of_cues, of_seals, *counts = await read_together(conn, _READINGS, asked)
    results = await drop_results.with_sums(conn, drop_ids, counts)
    return ViewFacts(offers, of_cues, of_seals, results)
