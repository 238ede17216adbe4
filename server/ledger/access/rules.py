"""Access rules as rows: blocks, revocations, stops of instructors, under one version.

Called by flows/access, and for reading by the API. Every change raises the version in the one row of
`access_version` first and so waits for that row: changes are serialized, and whoever has read a version has
read all changes up to it.

Lock order: that row is locked before any other one.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    union,
    update,
)
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.access.rules import AccessRule, RuleKind
from server.ledger.bulk import insert_unless_there, is_among
from server.ledger.tables import (
    access_rules,
    access_version,
    student_persons,
    student_tags,
)
from server.ledger.together import Fields, Reading

_THE_ROW: Final = 1
_rows = access_rules.c
_COLUMNS: Final = tuple(
    _rows[name]
    for name in (
        *("id", "kind", "value", "reason", "created_by", "created_at"),
        *("made_before", "until", "ended_by", "ended_at", "version"),
    )
)
_WITH_METADATA: Final = (*_COLUMNS, _rows["metadata"])
_IS_IN_FORCE = _rows.ended_at.is_(None)


@dataclass(frozen=True, slots=True)
class RuleFilter:
    """The rules in force that a list shows. `value` None: of all values."""

    kinds: Sequence[RuleKind]
    value: str | None = None


async def raise_version(conn: AsyncConnection) -> int:
    """Raise the version of all rules and return it. Call it first in a transaction that changes one."""
    fresh = insert_unless_there(conn.dialect, access_version, "id")
    await conn.execute(fresh.values(id=_THE_ROW, version=0))
    raised = update(access_version).values(version=access_version.c.version + 1)
    return int((await conn.execute(raised.returning(access_version.c.version))).scalar_one())


async def version(conn: AsyncConnection) -> int:
    """Return the version of the newest change; 0 if there was none."""
    return int(await conn.scalar(_VERSION, {"of": _THE_ROW}) or 0)


async def insert_rule(conn: AsyncConnection, rule: AccessRule) -> None:
    """Insert the rule. The caller has ended the one that had its kind and value."""
    values = {column.name: getattr(rule, column.name) for column in _COLUMNS}
    await conn.execute(_ADDED, values | {"metadata": dict(rule.metadata)})


async def end_rule_of(
    conn: AsyncConnection, kind: RuleKind, value: str, actor: str, now: int, changed: int
) -> bool:
    """End the rule that names this value. `changed`: the version of this change. False: there is none."""
    named = and_(_rows.kind == kind.value, _rows.value == value, _IS_IN_FORCE)
    ended = {"ended_by": actor, "ended_at": now, "version": changed}
    return (await conn.execute(update(access_rules).where(named).values(**ended))).rowcount > 0


async def find(conn: AsyncConnection, rule_id: str) -> AccessRule | None:
    """Return the rule, in force or not."""
    return await _first(conn, _rows.id == rule_id)


async def find_in_force(
    conn: AsyncConnection, kind: RuleKind, value: str, now: int
) -> AccessRule | None:
    """Return the rule that names this value now."""
    named = and_(_rows.kind == kind.value, _rows.value == value)
    return await _first(conn, and_(named, _in_force_at(now)))


async def page(
    conn: AsyncConnection, wanted: RuleFilter, now: int, limit: int, after: str | None
) -> list[AccessRule]:
    """Return a page of rules in force, newest first, that begins after the rule `after`."""
    query = select(*_WITH_METADATA).where(_rows.kind.in_(wanted.kinds), _in_force_at(now))
    if wanted.value is not None:
        query = query.where(_rows.value == wanted.value)
    if after is not None:
        query = query.where(_rows.id < after)
    return [_rule(row) for row in await conn.execute(query.order_by(_rows.id.desc()).limit(limit))]


async def count_in_force(conn: AsyncConnection, kinds: Collection[RuleKind]) -> int:
    """Return how many rules of these kinds nobody has ended."""
    query = select(func.count()).where(_rows.kind.in_(kinds), _IS_IN_FORCE)
    return (await conn.execute(query)).scalar_one()


async def changed_since(
    conn: AsyncConnection, known: int, after: str, kinds: Collection[RuleKind], limit: int
) -> list[AccessRule]:
    """Return rules that were changed after the version `known`, oldest change first; of that version too
    those behind the id `after`. Without their metadata: every process reads all rules."""
    query = select(*_COLUMNS).where(
        _rows.kind.in_(kinds),
        tuple_(_rows.version, _rows.id) > tuple_(literal(known), literal(after)),
    )
    rows = await conn.execute(query.order_by(_rows.version, _rows.id).limit(limit))
    return [_rule(row) for row in rows]


async def stopped_instructors(conn: AsyncConnection, now: int) -> list[str]:
    """Return the instructors who are stopped."""
    query = select(_rows.value).where(_rows.kind == RuleKind.INSTRUCTOR.value, _in_force_at(now))
    return list(await conn.scalars(query))


async def blocked_students(
    conn: AsyncConnection, students: Collection[str], now: int
) -> frozenset[str]:
    """Return those of these students whom a block names now: by their id, by a tag that the school has told
    of them, or by the person that they are known to be."""
    by_id = select(_rows.value).where(
        _rows.kind == RuleKind.STUDENT.value,
        is_among(conn, _rows.value, students),
        _in_force_at(now),
    )
    by_tag = (
        select(student_tags.c.student)
        .join(access_rules, _rows.value == student_tags.c.tag)
        .where(
            _rows.kind == RuleKind.TAG.value,
            is_among(conn, student_tags.c.student, students),
            _in_force_at(now),
        )
    )
    by_person = (
        select(student_persons.c.student)
        .join(access_rules, _rows.value == student_persons.c.person)
        .where(
            _rows.kind == RuleKind.PERSON.value,
            is_among(conn, student_persons.c.student, students),
            _in_force_at(now),
        )
    )
    return frozenset(await conn.scalars(union(by_id, by_tag, by_person)))


async def blocked_holders(
    conn: AsyncConnection, kind: RuleKind, values: Collection[str], now: int
) -> frozenset[str]:
    """Return those of these persons, or devices, that a block names now."""
    if not values:
        return frozenset()
    query = select(_rows.value).where(
        _rows.kind == kind.value, is_among(conn, _rows.value, values), _in_force_at(now)
    )
    return frozenset(await conn.scalars(query))


async def is_any_in_force(
    conn: AsyncConnection, named: Sequence[tuple[RuleKind, str]], now: int
) -> bool:
    """Return whether one of these (kind, value) has a rule now."""
    each = [and_(_rows.kind == kind.value, _rows.value == value) for kind, value in named]
    query = select(_rows.id).where(or_(*each), _in_force_at(now)).limit(1)
    return await conn.scalar(query) is not None


async def delete_over(conn: AsyncConnection, before: int, limit: int) -> int:
    """Delete rules that were ended, or were over, before `before` (ms), at most `limit`; return how many."""
    over = or_(_rows.ended_at < before, _rows.until < before)
    ids = select(_rows.id).where(over).limit(limit)
    return (await conn.execute(delete(access_rules).where(_rows.id.in_(ids)))).rowcount


def _in_force_at(now: int) -> ColumnElement[bool]:
    return and_(_IS_IN_FORCE, or_(_rows.until.is_(None), _rows.until > now))


async def _first(conn: AsyncConnection, where: ColumnElement[bool]) -> AccessRule | None:
    row = (await conn.execute(select(*_WITH_METADATA).where(where))).first()
    return _rule(row) if row is not None else None


def _rule(row: Row[tuple[object, ...]]) -> AccessRule:
    return _of_fields(row._mapping)


def _of_fields(fields: Fields) -> AccessRule:
    return AccessRule(**{**fields, "kind": RuleKind(fields["kind"])})


# The rule that names `value` at `now`, for a flow that reads it together with other facts.
IN_FORCE: Final = Reading(
    select(*_WITH_METADATA).where(
        _rows.kind == bindparam("kind"),
        _rows.value == bindparam("value"),
        _IS_IN_FORCE,
        or_(_rows.until.is_(None), _rows.until > bindparam("now")),
    ),
    lambda rows: _of_fields(rows[0]) if rows else None,
)


_ADDED = insert(access_rules)
_VERSION = select(access_version.c.version).where(access_version.c.id == bindparam("of"))
