"""Audiences as rows: versions that are never changed, the members of lists, and who is in one now.

Called by flows/audiences/audiences.py, and by the flow that issues coupons to an audience (`freeze`).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    case,
    delete,
    false,
    func,
    insert,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.audiences.audiences import SAMPLE, Audience, AudienceKind, Preview
from server.core.audiences.rules import rule_of
from server.ledger.audiences.rules import DAY_MS, Moment, clause_of
from server.ledger.bulk import insert_into, is_among, table_of, texts
from server.ledger.inline_sqlite import LONG
from server.ledger.statement_limits import allow_time
from server.ledger.tables import (
    audience_lists,
    audience_members,
    audience_versions,
    audiences,
    issuance_items,
    student_tags,
    students,
)

DELETED_AT_ONCE: Final = 5_000
_FREEZE_SECONDS: Final = 60.0
_MEMBERS: Final = {"position": BigInteger(), "student": audience_members.c.student.type}
Chosen = Select[*tuple[Any, ...]]


async def insert_list(conn: AsyncConnection, list_id: str, now: int) -> None:
    """Insert a list without members. It is deleted where no version names it within a day."""
    await conn.execute(insert(audience_lists).values(id=list_id, created_at=now))


async def add_members(
    conn: AsyncConnection, list_id: str, members: Sequence[tuple[int, str]]
) -> None:
    """Insert a piece of a list's members: their positions and names."""
    given = table_of(conn, _MEMBERS, members)
    rows = select(literal(list_id), *given.c).where(true())
    added = insert(audience_members).from_select(["list_id", *_MEMBERS], rows)
    await conn.execute(added.prefix_with(LONG))


async def insert_first(conn: AsyncConnection, audience: Audience, actor: str) -> None:
    """Insert the first version of an audience."""
    row = {"id": audience.id, "version": audience.version, "metadata": dict(audience.metadata)}
    await conn.execute(insert(audiences).values(row))
    await _insert_version(conn, audience, actor)


async def insert_next(conn: AsyncConnection, audience: Audience, actor: str) -> bool:
    """Insert the next version and make it the current one. False: the version before it is not the current
    one, or there is no such audience.
    """
    moved = await conn.execute(
        update(audiences)
        .where(audiences.c.id == audience.id, audiences.c.version == audience.version - 1)
        .values({"version": audience.version, "metadata": dict(audience.metadata)})
    )
    if moved.rowcount == 0:
        return False
    await _insert_version(conn, audience, actor)
    return True


async def _insert_version(conn: AsyncConnection, audience: Audience, actor: str) -> None:
    row = {
        "audience_id": audience.id,
        "version": audience.version,
        "name": audience.name,
        "kind": audience.kind.value,
        "tag": audience.tag,
        "rule": audience.rule,
        "list_id": audience.list_id,
        "size": audience.size,
        "created_by": actor,
        "created_at": audience.created_at,
    }
    await conn.execute(insert(audience_versions).values(row))


async def find(conn: AsyncConnection, audience_id: str) -> Audience | None:
    """Return the current version of the audience."""
    found = await conn.execute(_current().where(audiences.c.id == audience_id))
    row = found.mappings().first()
    return _audience(row) if row else None


async def page(conn: AsyncConnection, limit: int, after: str | None) -> list[Audience]:
    """Return a page of current versions, newest audience first, that begins after the audience `after`."""
    query = _current().order_by(audiences.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(audiences.c.id < after)
    return [_audience(row) for row in (await conn.execute(query)).mappings()]


def _current() -> Chosen:
    is_current = and_(
        audience_versions.c.audience_id == audiences.c.id,
        audience_versions.c.version == audiences.c.version,
    )
    return select(audience_versions, audiences.c.metadata).join(audiences, is_current)


def _audience(row: RowMapping) -> Audience:
    return Audience(
        id=row["audience_id"],
        version=row["version"],
        name=row["name"],
        kind=AudienceKind(row["kind"]),
        tag=row["tag"],
        rule=row["rule"],
        size=row["size"],
        created_at=row["created_at"],
        list_id=row["list_id"],
        metadata=row["metadata"],
    )


async def preview(conn: AsyncConnection, audience: Audience, moment: Moment) -> Preview:
    """Return how many students are in the audience at this moment, and the first of them."""
    members = _members(audience, moment).subquery()
    query = select(members.c.student, func.count().over()).order_by(members.c.student)
    found = (await conn.execute(query.limit(SAMPLE))).all()
    return Preview(found[0][1] if found else 0, tuple(row[0] for row in found))


async def freeze(
    conn: AsyncConnection, audience_id: str, issuance_id: str, moment: Moment
) -> int | None:
    """Insert an item of the issuance for each student who is in the audience at this moment; return how many
    were inserted. None: there is no such audience. One statement, in the caller's transaction.
    """
    audience = await find(conn, audience_id)
    if audience is None:
        return None
    await allow_time(conn, _FREEZE_SECONDS, _FREEZE_SECONDS)
    members = _members(audience, moment).subquery()
    rows = select(literal(issuance_id), members.c.student).where(true())
    added = insert_into(conn.dialect, issuance_items).from_select(["issuance_id", "student"], rows)
    once = added.on_conflict_do_nothing()
    return (await conn.execute(once.prefix_with(LONG))).rowcount


class Choice(NamedTuple):
    """Students who fulfil the rule (JSON) or are in the audience; everybody without either."""

    rule: Mapping[str, Any] | None
    audience_id: str | None


async def chosen_among(
    conn: AsyncConnection, choice: Choice, given: Collection[str], moment: Moment
) -> set[str]:
    """Return those of these students whom the choice is for."""
    if choice.audience_id is not None:
        audience = await find(conn, choice.audience_id)
        if audience is None:
            return set()
        wanted = texts(conn, given)
        query = select(wanted.c.value).where(wanted.c.value.in_(_members(audience, moment)))
    elif choice.rule is not None:
        clause = clause_of(rule_of(choice.rule), moment)
        query = select(students.c.id).where(clause, is_among(conn, students.c.id, given))
    else:
        return set(given)
    return set(await conn.scalars(query))


async def count_choices(
    conn: AsyncConnection, choices: Sequence[Choice], moment: Moment
) -> dict[tuple[bool, ...], int]:
    """Return how many known students each combination of these choices is for."""
    flags = [case((await _flag(conn, choice, moment), 1), else_=0) for choice in choices]
    each = select(*(flag.label(f"f{number}") for number, flag in enumerate(flags))).subquery()
    query = select(*each.c, func.count()).group_by(*each.c)
    return {tuple(map(bool, row[:-1])): row[-1] for row in await conn.execute(query)}


async def _flag(conn: AsyncConnection, choice: Choice, moment: Moment) -> ColumnElement[bool]:
    if choice.rule is not None:
        return clause_of(rule_of(choice.rule), moment)
    if choice.audience_id is None:
        return true()
    audience = await find(conn, choice.audience_id)
    return false() if audience is None else students.c.id.in_(_members(audience, moment))


def _members(audience: Audience, moment: Moment) -> Chosen:
    """Return the query of those who are in the audience, in a column `student`."""
    match audience.kind:
        case AudienceKind.LIST:
            listed = audience_members.c
            return select(listed.student).where(listed.list_id == audience.list_id)
        case AudienceKind.TAG:
            return select(student_tags.c.student).where(student_tags.c.tag == audience.tag)
        case AudienceKind.RULE:
            assert audience.rule is not None  # a CHECK of the table
            clause = clause_of(rule_of(audience.rule), moment)
            return select(students.c.id.label("student")).where(clause)


async def delete_unused(conn: AsyncConnection, now: int) -> int:
    """Delete a piece of the lists of a day ago that no current version names; return how many rows went.

    What was frozen from them has its members in the issuance.
    """
    versions, lists = audience_versions.c, audience_lists.c
    in_use = (
        select(literal(1))
        .join(
            audiences,
            and_(versions.audience_id == audiences.c.id, versions.version == audiences.c.version),
        )
        .select_from(audience_versions)
        .where(versions.list_id == lists.id)
    )
    unused = select(lists.id).where(lists.created_at < now - DAY_MS, ~in_use.exists())
    list_id = await conn.scalar(unused.order_by(lists.created_at).limit(1))
    if list_id is None:
        return 0
    some = (
        select(audience_members.c.position)
        .where(audience_members.c.list_id == list_id)
        .limit(DELETED_AT_ONCE)
    )
    gone = await conn.execute(
        delete(audience_members)
        .where(audience_members.c.list_id == list_id, audience_members.c.position.in_(some))
        .prefix_with(LONG)
    )
    if gone.rowcount:
        return gone.rowcount
    named = update(audience_versions).where(versions.list_id == list_id).values(list_id=None)
    await conn.execute(named)
    return (await conn.execute(delete(audience_lists).where(lists.id == list_id))).rowcount
