"""Reads in one statement what belongs to a drop and is needed to open, change or close it."""

from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.drops import Allotment
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.ledger.drops import drops
from server.ledger.promotions import batches, templates
from server.ledger.together import read_together


class SnapshotParts(NamedTuple):
    """`template`: the version that the batch keeps. The allotments are in the order of their units."""

    batch: Batch
    template: Template
    allotments: tuple[Allotment, ...]


_READINGS = (batches.ROW, batches.ROOMS, templates.OF_BATCH, drops.ALLOTMENTS)


async def read_snapshot_parts(conn: AsyncConnection, drop_id: str, batch_id: str) -> SnapshotParts:
    asked = {"drop": drop_id, "batch": batch_id}
    rows, rooms, template, allotments = await read_together(conn, _READINGS, asked)
    batch = batches.batch_of(rows, rooms)
    assert batch is not None  # a drop refers to it
    return SnapshotParts(batch, template.template, tuple(allotments))
