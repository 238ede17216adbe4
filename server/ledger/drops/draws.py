"""Draws as rows: what is committed and sealed of each.

Called by the flows of drops, which make a draw and end its window, and by those of draws. Each step is an
UPDATE on the condition that it was not made: whoever comes second changes nothing (promise I12).
"""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.draw_cards import DRAW, DrawCard, DrawPhase
from server.ledger import deferred
from server.ledger.bulk import is_among
from server.ledger.tables import draws, drops


class DrawRow(NamedTuple):
    """A draw as the ledger has it: hexadecimal digits, instants in ms.

    `seed` is secret until `drawn_at` or, once it is sealed, `aborted_at` is set. `units` may win, fixed with
    the seal. `refill_at`: when units came back after the draw, and the reserve has not got them yet.
    """

    drop_id: str
    seed: str
    commitment: str
    root: str | None = None
    entries: int | None = None
    units: int | None = None
    sealed_at: int | None = None
    drawn_at: int | None = None
    aborted_at: int | None = None
    abort_reason: str | None = None
    refill_at: int | None = None

    @property
    def phase(self) -> DrawPhase:
        if self.sealed_at is None:
            return DrawPhase.OPEN
        if self.aborted_at is not None:
            return DrawPhase.ABORTED
        return DrawPhase.SEALED if self.drawn_at is None else DrawPhase.DRAWN

    @property
    def card(self) -> DrawCard:
        """The public part of it, without what is secret in its phase."""
        phase = self.phase
        is_over = phase in (DrawPhase.DRAWN, DrawPhase.ABORTED)
        return DrawCard(
            commitment=self.commitment,
            phase=phase,
            entries=self.entries,
            root=self.root,
            seed=self.seed if is_over else None,
            winners=self.winners if is_over else None,
        )

    @property
    def winners(self) -> int:
        """The number of entries that the draw gives a unit."""
        if self.drawn_at is None:
            return 0
        return min(self.units or 0, self.entries or 0)


async def insert_draw(conn: AsyncConnection, draw: DrawRow) -> None:
    """Insert the draw of a new drop, with the commitment to its seed, at the end of the transaction."""
    await deferred.later(conn, insert(draws).values(draw._asdict()))


async def of_drops(conn: AsyncConnection, drop_ids: Collection[str]) -> dict[str, DrawRow]:
    """Return the draws of these drops, by drop id."""
    columns = (draws.c[name] for name in DrawRow._fields)
    found = await conn.execute(select(*columns).where(is_among(conn, draws.c.drop_id, drop_ids)))
    return {row[0]: DrawRow._make(row) for row in found}


async def seal(conn: AsyncConnection, sealed: DrawRow) -> bool:
    """Write root, entries and units, once. False: it is sealed already, and stays as it is."""
    values = {name: getattr(sealed, name) for name in ("root", "entries", "units", "sealed_at")}
    query = update(draws).where(draws.c.drop_id == sealed.drop_id, draws.c.sealed_at.is_(None))
    return (await conn.execute(query.values(values))).rowcount == 1


async def mark_drawn(conn: AsyncConnection, drop_id: str, now: int) -> bool:
    """Let the draw be drawn. False: it is not sealed, was drawn, or was aborted."""
    query = update(draws).where(
        draws.c.drop_id == drop_id,
        draws.c.sealed_at.is_not(None),
        draws.c.drawn_at.is_(None),
        draws.c.aborted_at.is_(None),
    )
    return (await conn.execute(query.values(drawn_at=now))).rowcount == 1


async def mark_aborted(conn: AsyncConnection, drop_id: str, reason: str, now: int) -> bool:
    """Give the draw up. False: it was drawn, or given up before."""
    query = update(draws).where(
        draws.c.drop_id == drop_id, draws.c.drawn_at.is_(None), draws.c.aborted_at.is_(None)
    )
    values = {"aborted_at": now, "abort_reason": reason}
    return (await conn.execute(query.values(values))).rowcount == 1


async def ask_refill(conn: AsyncConnection, drop_id: str, now: int) -> None:
    """Note that units came back after the draw."""
    await conn.execute(update(draws).where(draws.c.drop_id == drop_id).values(refill_at=now))


async def entering(conn: AsyncConnection, shard: int) -> list[str]:
    """Return the open drops of the desk shard that are draws and not sealed: entries may still come."""
    query = select(drops.c.id).where(
        drops.c.shard == shard, drops.c.state == "open", drops.c.mode == DRAW
    )
    return list(await conn.scalars(query))


async def to_refill(conn: AsyncConnection, limit: int) -> list[str]:
    """Return the drops to which units came back after their draw, the one that waits longest first."""
    query = select(draws.c.drop_id).where(draws.c.refill_at.is_not(None))
    return list(await conn.scalars(query.order_by(draws.c.refill_at).limit(limit)))


async def finish_refill(conn: AsyncConnection, drop_id: str, asked_at: int) -> None:
    """Note that the reserve has got what came back until `asked_at` (ms)."""
    query = update(draws).where(draws.c.drop_id == drop_id, draws.c.refill_at == asked_at)
    await conn.execute(query.values(refill_at=None))
