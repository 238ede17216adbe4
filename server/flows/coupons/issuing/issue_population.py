"""Say who is in an issuance, once, at the moment when it starts.

Called by drive_issuances.py. Named students have their items since the request.
"""

from datetime import tzinfo

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.issuances import Issuance, IssuanceSource, NewIssuance
from server.core.refusals import Refused, invalid_field
from server.flows.audiences.audiences import moment_of
from server.ledger.audiences import audiences, imports
from server.ledger.coupons import issuance_items, issuances


async def freeze(conn: AsyncConnection, issuance: Issuance, zone: tzinfo, now: int) -> None:
    """Write an item for each student who is in it now, and count them as asked. `zone`: the school's."""
    if issuance.source is IssuanceSource.AUDIENCE and issuance.source_id is not None:
        moment = moment_of(zone, now)
        asked = await audiences.freeze(conn, issuance.source_id, issuance.id, moment)
        await issuances.count(conn, issuance.id, {"asked": asked or 0})
    elif issuance.source is IssuanceSource.IMPORT and issuance.source_id is not None:
        asked = await imports.freeze(conn, issuance.source_id, issuance.id)
        await issuances.count(conn, issuance.id, {"asked": asked})
    elif issuance.parent_id is not None and issuance.source_id is None:
        asked = await issuance_items.copy_students(conn, issuance.parent_id, issuance.id)
        await issuances.count(conn, issuance.id, {"asked": asked})


async def known_size(conn: AsyncConnection, form: NewIssuance) -> int | None:
    """Return how many students are in a list or an import; None where only its start will tell."""
    if form.source_id is None:
        return None
    if form.source is IssuanceSource.IMPORT:
        file = await imports.find(conn, form.source_id)
        return None if file is None else file.counts.good
    audience = await audiences.find(conn, form.source_id)
    return None if audience is None else audience.size


async def population_refusal(conn: AsyncConnection, form: NewIssuance) -> Refused | None:
    """Return the refusal where the audience or import does not exist, else None."""
    if form.source_id is None:
        return None
    if form.source is IssuanceSource.AUDIENCE:
        found = await audiences.find(conn, form.source_id)
        return None if found is not None else invalid_field("audience_id", "unknown")
    if form.source is IssuanceSource.IMPORT:
        return await _import_refusal(conn, form.source_id)
    return None


async def _import_refusal(conn: AsyncConnection, import_id: str) -> Refused | None:
    found = await imports.find(conn, import_id)
    if found is None:
        return invalid_field("import_id", "unknown")
    if not found.counts.good:
        return invalid_field("import_id", "empty", "the file has no good row")
    return None
