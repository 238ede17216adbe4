"""Seals of closed drops as rows, and the drops that wait for one.

Called by the flows of drops that end, seal and show receipts, and by `doctor`.
"""

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Final, NamedTuple

from sqlalchemy import bindparam, delete, func, insert, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.receipts import Seal, SealableClaim
from server.ledger import deferred
from server.ledger.tables import claims, drop_seals, seals_due
from server.ledger.together import Reading, Rows

_FIELDS: Final = tuple(field.name for field in fields(Seal))


class StoredSeal(NamedTuple):
    """A seal with what its receipts are made of. `claims`: claim id and turn of each leaf, in order."""

    seal: Seal
    key: bytes
    leaves: bytes
    claims: Sequence[tuple[str, int]]


async def ask_for_seal(conn: AsyncConnection, drop_id: str, now: int) -> None:
    """Note that the drop, which is closed in this transaction, is to be sealed.

    A drop that was opened again before its seal still waits: its next close is what is sealed.
    """
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    row = dialect.insert(seals_due).values(drop_id=drop_id, due_at=now)
    await deferred.later(
        conn,
        row.on_conflict_do_update(index_elements=["drop_id"], set_={"due_at": row.excluded.due_at}),
    )


async def due(conn: AsyncConnection, after: tuple[int, str], limit: int) -> list[tuple[int, str]]:
    """Return since when (ms UTC) and which drops wait for their seal, the oldest first, behind `after`."""
    its = seals_due.c
    behind = tuple_(its.due_at, its.drop_id) > tuple_(*after)
    query = select(its.due_at, its.drop_id).where(behind).order_by(its.due_at, its.drop_id)
    return [(row[0], row[1]) for row in await conn.execute(query.limit(limit))]


async def take_due(conn: AsyncConnection, drop_id: str) -> bool:
    """Take the drop off those that wait. False where another worker has done so."""
    taken = delete(seals_due).where(seals_due.c.drop_id == drop_id).returning(seals_due.c.drop_id)
    return (await conn.scalar(taken)) is not None


async def claims_to_seal(conn: AsyncConnection, drop_id: str) -> list[SealableClaim]:
    """Return all claims of the drop that ever had a unit and were confirmed."""
    columns = (claims.c.id, claims.c.student, claims.c.unit, claims.c.won_at, claims.c.state)
    found = await conn.execute(select(*columns).where(claims.c.drop_id == drop_id))
    return [
        SealableClaim(row[0], row[1], row[2], row[3], row[4] == "live")
        for row in found
        if row[4] != "revoked"
    ]


async def last_won_at(conn: AsyncConnection, drop_id: str) -> int | None:
    """Return when the drop's last unit was won, in ms UTC; None where nobody won."""
    at: int | None = await conn.scalar(
        select(func.max(claims.c.won_at)).where(claims.c.drop_id == drop_id)
    )
    return at


async def count_claims(conn: AsyncConnection, drop_id: str) -> int:
    """Return how many claims of the drop there ever were."""
    query = select(func.count()).select_from(claims).where(claims.c.drop_id == drop_id)
    return await conn.scalar(query) or 0


async def write(conn: AsyncConnection, stored: StoredSeal) -> None:
    """Insert the seal, with the next number of its drop. The caller has taken it off those that wait."""
    seal = stored.seal
    number = 1 + (await last_number(conn, seal.drop_id) or 0)
    await conn.execute(
        insert(drop_seals).values(
            drop_id=seal.drop_id,
            number=number,
            root=seal.root,
            count=seal.count,
            stock=seal.stock,
            came_back=seal.came_back,
            given_again=seal.given_again,
            previous=seal.previous,
            closed_at=seal.closed_at,
            seal=seal.seal,
            sealed_at=seal.sealed_at,
            key=stored.key,
            leaves=stored.leaves,
            claims="\n".join(f"{claim_id} {turn}" for claim_id, turn in stored.claims),
        )
    )


async def last_number(conn: AsyncConnection, drop_id: str) -> int | None:
    """Return the number of the drop's last seal; None while it has none."""
    query = select(func.max(drop_seals.c.number)).where(drop_seals.c.drop_id == drop_id)
    number: int | None = await conn.scalar(query)
    return number


async def hash_of(conn: AsyncConnection, drop_id: str, number: int) -> str | None:
    """Return the hash of the drop's seal with this number."""
    is_it = (drop_seals.c.drop_id == drop_id) & (drop_seals.c.number == number)
    found: str | None = await conn.scalar(select(drop_seals.c.seal).where(is_it))
    return found


async def number_of(conn: AsyncConnection, drop_id: str, seal: str) -> int | None:
    """Return the number of the drop's seal with this hash; a drop has as many seals as it had closes."""
    is_it = (drop_seals.c.drop_id == drop_id) & (drop_seals.c.seal == seal)
    number: int | None = await conn.scalar(select(drop_seals.c.number).where(is_it))
    return number


async def of_drops(conn: AsyncConnection, drop_ids: Collection[str]) -> dict[str, Seal]:
    """Return the last seal of each of these drops that has one; without what its receipts are made of."""
    found = await conn.execute(OF_DROPS.query, {"drop_ids": list(drop_ids)})
    return _by_drop(found.mappings().all())


def _by_drop(rows: Rows) -> dict[str, Seal]:
    return {row["drop_id"]: Seal(**row) for row in rows}


OF_DROPS: Final = Reading(
    select(*(drop_seals.c[name] for name in _FIELDS))
    .where(drop_seals.c.drop_id.in_(bindparam("drop_ids", expanding=True)))
    .order_by(drop_seals.c.number),
    _by_drop,
)


async def find(conn: AsyncConnection, drop_id: str, number: int) -> StoredSeal | None:
    """Return the drop's seal with this number."""
    is_it = (drop_seals.c.drop_id == drop_id) & (drop_seals.c.number == number)
    found = await conn.execute(select(drop_seals).where(is_it))
    row = found.mappings().first()
    if row is None:
        return None
    lines = (line.split(" ") for line in row["claims"].split("\n") if line)
    return StoredSeal(
        Seal(**{name: row[name] for name in _FIELDS}),
        row["key"],
        row["leaves"],
        [(claim_id, int(turn)) for claim_id, turn in lines],
    )
