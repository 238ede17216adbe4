"""Inviters for the task of a drop, and those who came by them. Called by flows/tasks/invites.py."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.ids import DropId
from server.ledger.bulk import insert_into
from server.ledger.tables import invitations, inviters


@dataclass(frozen=True, slots=True)
class Inviter:
    """A student with a link of their own. `person` and `device` are those of the token that asked for it."""

    code: str
    drop_id: DropId
    student: str
    person: str | None
    device: str | None


async def add(conn: AsyncConnection, inviter: Inviter, now: int) -> Inviter:
    """Insert the inviter; return the one that is there, if the student has a link of the drop already."""
    its = inviters.c
    row = {
        "code": inviter.code,
        "drop_id": inviter.drop_id,
        "student": inviter.student,
        "person": inviter.person,
        "device": inviter.device,
        "created_at": now,
    }
    added = insert_into(conn.dialect, inviters).values(row)
    await conn.execute(added.on_conflict_do_nothing(index_elements=["drop_id", "student"]))
    query = _columns().where(its.drop_id == inviter.drop_id, its.student == inviter.student)
    return _inviter((await conn.execute(query)).one())


async def find(conn: AsyncConnection, code: str) -> Inviter | None:
    """Return the inviter whose link has this code."""
    row = (await conn.execute(_columns().where(inviters.c.code == code))).first()
    return None if row is None else _inviter(row)


async def add_invitation(
    conn: AsyncConnection,
    by: Inviter,
    student: str,
    person: str | None,
    device: str | None,
    now: int,
) -> bool:
    """Record that the student came by this inviter. False: they, their person or device came before."""
    row = {
        "drop_id": by.drop_id,
        "student": student,
        "inviter": by.student,
        "person": person,
        "device": device,
        "at": now,
    }
    added = insert_into(conn.dialect, invitations).values(row)
    return (await conn.execute(added.on_conflict_do_nothing())).rowcount == 1


async def count(conn: AsyncConnection, drop_id: str, inviter: str) -> int:
    """Return how many students came by this inviter."""
    its = invitations.c
    query = select(func.count()).where(its.drop_id == drop_id, its.inviter == inviter)
    return (await conn.execute(query)).scalar_one()


def _columns() -> Select[tuple[str, str, str, str | None, str | None]]:
    its = inviters.c
    return select(its.code, its.drop_id, its.student, its.person, its.device)


def _inviter(row: Row[Any]) -> Inviter:
    return Inviter(row.code, DropId(row.drop_id), row.student, row.person, row.device)
