"""Positions: how far each reader of the event log has come.

Called by readers inside the transaction in which they do what the events ask for: what was done and how far
they have come are then committed together. The row is also the reader's lease: whoever has locked it reads,
and another worker finds nothing to do. It ends with the transaction, however its process ends.
"""

from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.bulk import insert_into
from server.ledger.tables import event_positions

NUMBERING: Final = "numbering"  # its position is the last number that was given
_OF = event_positions.c


async def take(conn: AsyncConnection, reader: str, first: int | None = None) -> int | None:
    """Return the reader's position and lock its row until the transaction ends; None: another worker has it.

    A new reader begins behind the event `first`; None: at the next event that gets a number, not with what
    was long ago.
    """
    row = select(_OF.seq).where(_OF.reader == reader).with_for_update(skip_locked=True)
    found = (await conn.execute(row)).scalar_one_or_none()
    if found is not None:
        return int(found)
    await _add(conn, reader, first)
    found = (await conn.execute(row)).scalar_one_or_none()
    return None if found is None else int(found)


async def take_in_turn(conn: AsyncConnection, reader: str) -> int:
    """Return the reader's position, as soon as no other transaction has it, and lock its row."""
    await _add(conn, reader, None)
    row = select(_OF.seq).where(_OF.reader == reader).with_for_update()
    return int((await conn.execute(row)).scalar_one())


async def _add(conn: AsyncConnection, reader: str, first: int | None) -> None:
    last = select(_OF.seq).where(_OF.reader == NUMBERING).scalar_subquery()
    seq = func.coalesce(last, 0) if first is None else first
    row = insert_into(conn.dialect, event_positions).values(reader=reader, seq=seq)
    await conn.execute(row.on_conflict_do_nothing())


async def move(conn: AsyncConnection, reader: str, seq: int) -> None:
    """Write that the reader has done all up to `seq`. The caller has taken the row."""
    await conn.execute(update(event_positions).where(_OF.reader == reader).values(seq=seq))


async def last_number(conn: AsyncConnection) -> int:
    """Return the last number that was given, 0 before the first."""
    found = await conn.scalar(select(_OF.seq).where(_OF.reader == NUMBERING))
    return int(found or 0)


async def position_of(conn: AsyncConnection, reader: str) -> int | None:
    """Return how far the reader has come, None if it has never read. Locks nothing."""
    found: int | None = await conn.scalar(select(_OF.seq).where(_OF.reader == reader))
    return found


async def has_read_all(conn: AsyncConnection, reader: str) -> bool:
    """Return whether the reader has done every event that has a number."""
    return await position_of(conn, reader) == await last_number(conn)


async def all_positions(conn: AsyncConnection) -> dict[str, int]:
    """Return the position of every reader, `NUMBERING` among them."""
    found = await conn.execute(select(_OF.reader, _OF.seq).order_by(_OF.reader))
    return {reader: seq for reader, seq in found}


async def forget(conn: AsyncConnection, reader: str) -> None:
    """Delete the position of a reader that is no more."""
    await conn.execute(event_positions.delete().where(_OF.reader == reader))
