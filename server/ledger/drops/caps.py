"""Reads the slots that students have used of a batch or a campaign, in pages.

Called by flows/coupons/load_caps.py, which loads them onto the desk. Each page is read from an index that
covers the query, so that a page takes as long after ten million claims as after none.
"""

from enum import Enum
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    Table,
    and_,
    bindparam,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.ids import Slot, StudentId
from server.ledger.drops.claims import IS_COUNTED, IS_COUNTED_CODE
from server.ledger.tables import campaign_claims, claims, coupons, device_slots, person_slots

PAGE: Final = 5_000  # about 20 ms of the database


class SlotSource(Enum):
    """The tables that record used slots."""

    CODES = "codes"  # of a batch, by codes that students have bound
    CLAIMS = "claims"  # of a batch
    CAMPAIGN = "campaign"  # of a campaign, by claims and by codes
    PERSONS = "persons"  # of a batch, by persons
    DEVICES = "devices"  # of a batch, by devices


class UsedSlot(NamedTuple):
    """A slot that a student, person or device has used; also the position after which a page begins."""

    student: StudentId
    slot: Slot


BEGINNING: Final = UsedSlot(StudentId(""), Slot(0))


async def page(
    conn: AsyncConnection, source: SlotSource, of: str, after: UsedSlot, limit: int = PAGE
) -> list[UsedSlot]:
    """Return a page that begins after `after`, ordered by student and slot. It is the last one if it has
    fewer than `limit` rows.
    """
    parameters = {"of": of, "student": after.student, "after_slot": after.slot, "most": limit}
    return [UsedSlot(row[0], row[1]) for row in await conn.execute(_PAGES[source], parameters)]


def _page(
    table: Table, of: str, counts: ColumnElement[bool], holder: str = "student"
) -> Select[Any]:
    whose = table.c[holder]
    here = tuple_(whose, table.c.slot)
    behind = tuple_(bindparam("student", type_=String), bindparam("after_slot", type_=Integer))
    return (
        select(whose, table.c.slot)
        .where(and_(table.c[of] == bindparam("of"), counts, here > behind))
        .order_by(whose, table.c.slot)
        .limit(bindparam("most", type_=Integer))
    )


_PAGES: Final = {
    SlotSource.CODES: _page(coupons, "batch_id", IS_COUNTED_CODE),
    SlotSource.CLAIMS: _page(claims, "batch_id", IS_COUNTED),
    SlotSource.CAMPAIGN: _page(campaign_claims, "campaign_id", true()),
    SlotSource.PERSONS: _page(person_slots, "batch_id", true(), "person"),
    SlotSource.DEVICES: _page(device_slots, "batch_id", true(), "device"),
}
