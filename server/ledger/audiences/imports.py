"""Imports as rows: the file's counts, its rows as the reading program writes them, and their end.

Called by flows/audiences/imports.py inside its transactions, and by the flow that issues to an import's
students.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import Row, Select, delete, exists, insert, literal, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.audiences.imports import (
    KEPT_MS,
    SAMPLE_ROWS,
    Column,
    Counts,
    FileKind,
    Import,
    ImportRow,
    RowFault,
)
from server.ledger.bulk import insert_into
from server.ledger.inline_sqlite import LONG
from server.ledger.statement_limits import allow_time
from server.ledger.tables import import_rows, imports, issuance_items, issuances

# An import that is not ready after an hour has lost its process.
LEFT_BEHIND_MS: Final = 3600 * 1000
_FREEZE_SECONDS: Final = 60.0
_COUNTS: Final = ("rows", "good", "duplicates", "bad", "blank", "mended")
_IS_READY: Final = imports.c.ready_at.is_not(None)


async def insert_import(conn: AsyncConnection, found: Import) -> None:
    """Insert the import without its rows; nobody sees it until `set_ready`."""
    values = {
        "id": found.id,
        "kind": found.kind.value,
        "encoding": found.encoding,
        "delimiter": found.delimiter,
        "ignored_columns": list(found.ignored_columns),
        "created_by": found.created_by,
        "created_at": found.created_at,
    }
    await conn.execute(insert(imports).values(values | asdict(found.counts)))


async def insert_rows(conn: AsyncConnection, import_id: str, rows: bytes) -> None:
    """Insert rows from JSON: a list of lists in the order of ImportRow.

    The text goes to the database as it is, so that the event loop never takes 100,000 rows apart.
    """
    statement = _FROM_JSON[conn.dialect.name]
    await conn.execute(statement, {"import_id": import_id, "rows": rows.decode()})


_NAMES: Final = ", ".join(f'"{name}"' for name in ("import_id", *ImportRow._fields))
_FROM_JSON: Final = {
    "sqlite": text(
        f"INSERT {LONG} INTO import_rows ({_NAMES}) SELECT :import_id, value ->> 0, value ->> 1, "
        "value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 FROM json_each(:rows)"
    ),
    "postgresql": text(
        f"INSERT INTO import_rows ({_NAMES}) SELECT :import_id, (one ->> 0)::int, one ->> 1, "
        "one ->> 2, one ->> 3, one ->> 4, one ->> 5, (one ->> 6)::int "
        "FROM json_array_elements(CAST(:rows AS json)) AS one"
    ),
}


async def set_ready(conn: AsyncConnection, import_id: str, now: int) -> None:
    """Let everybody see the import: all of its rows are there."""
    await conn.execute(update(imports).where(imports.c.id == import_id).values(ready_at=now))


async def find(conn: AsyncConnection, import_id: str) -> Import | None:
    """Return the import; None where there is none, or not all of its rows are there."""
    query = select(imports).where(imports.c.id == import_id, _IS_READY)
    row = (await conn.execute(query)).first()
    return _import(row) if row else None


async def page(conn: AsyncConnection, after: str | None, limit: int) -> list[Import]:
    """Return a page of imports, newest first, that begins after the import with the id `after`."""
    query = select(imports).where(_IS_READY)
    if after is not None:
        query = query.where(imports.c.id < after)
    return [
        _import(row) for row in await conn.execute(query.order_by(imports.c.id.desc()).limit(limit))
    ]


async def sample(conn: AsyncConnection, import_id: str) -> list[ImportRow]:
    """Return the first good rows, SAMPLE_ROWS at most."""
    query = _rows_of(import_id).where(import_rows.c.fault.is_(None)).limit(SAMPLE_ROWS)
    return await _listed(conn, query)


async def duplicates(conn: AsyncConnection, import_id: str, limit: int) -> list[ImportRow]:
    """Return the first rows whose student stands in a row before them."""
    is_duplicate = import_rows.c.fault == RowFault.DUPLICATE.value
    return await _listed(conn, _rows_of(import_id).where(is_duplicate).limit(limit))


async def bad_rows(conn: AsyncConnection, import_id: str, limit: int) -> list[ImportRow]:
    """Return the first bad rows."""
    is_bad = import_rows.c.fault != RowFault.DUPLICATE.value
    return await _listed(conn, _rows_of(import_id).where(is_bad).limit(limit))


async def freeze(conn: AsyncConnection, import_id: str, issuance_id: str) -> int:
    """Insert an item of the issuance for each student of the import; return how many. One statement, in the
    caller's transaction."""
    each = select(literal(issuance_id), import_rows.c.student).where(
        import_rows.c.import_id == import_id, import_rows.c.fault.is_(None)
    )
    added = insert_into(conn.dialect, issuance_items).from_select(["issuance_id", "student"], each)
    await allow_time(conn, _FREEZE_SECONDS, _FREEZE_SECONDS)
    return (await conn.execute(added.on_conflict_do_nothing().prefix_with(LONG))).rowcount


async def expired(conn: AsyncConnection, now: int, limit: int) -> list[str]:
    """Return the ids of imports that are kept no longer, or whose process has died, oldest first.

    An import that an issuance is still to read is kept.
    """
    is_left_behind = imports.c.ready_at.is_(None) & (imports.c.created_at <= now - LEFT_BEHIND_MS)
    is_waited_for = exists().where(
        issuances.c.source_id == imports.c.id, issuances.c.due_at.is_not(None)
    )
    query = select(imports.c.id).where(
        (imports.c.created_at <= now - KEPT_MS) | is_left_behind, ~is_waited_for
    )
    found = await conn.execute(query.order_by(imports.c.created_at).limit(limit))
    return list(found.scalars())


async def delete_rows(conn: AsyncConnection, import_id: str, limit: int) -> int:
    """Delete the import's first `limit` rows; return how many there were."""
    some = select(import_rows.c.row).where(import_rows.c.import_id == import_id)
    until = some.order_by(import_rows.c.row).limit(limit).subquery()
    last = select(until.c.row).order_by(until.c.row.desc()).limit(1).scalar_subquery()
    some_rows = delete(import_rows).where(
        import_rows.c.import_id == import_id, import_rows.c.row <= last
    )
    return (await conn.execute(some_rows.prefix_with(LONG))).rowcount


async def delete_import(conn: AsyncConnection, import_id: str) -> None:
    """Delete the import, if it has no rows left."""
    has_rows = exists().where(import_rows.c.import_id == import_id)
    await conn.execute(delete(imports).where(imports.c.id == import_id, ~has_rows))


def _rows_of(import_id: str) -> Select[Any]:
    rows = import_rows.c
    return (
        select(*(rows[name] for name in ImportRow._fields))
        .where(rows.import_id == import_id)
        .order_by(rows.row)
    )


async def _listed(conn: AsyncConnection, query: Select[Any]) -> list[ImportRow]:
    return [_row(row) for row in await conn.execute(query)]


def _row(row: Sequence[Any]) -> ImportRow:
    number, student, typed, note, fault, column, first_row = row
    return ImportRow(
        number,
        student,
        typed,
        note,
        RowFault(fault) if fault else None,
        Column(column) if column else None,
        first_row,
    )


def _import(row: Row[Any]) -> Import:
    return Import(
        id=row.id,
        kind=FileKind(row.kind),
        encoding=row.encoding,
        delimiter=row.delimiter,
        counts=Counts(**{name: row._mapping[name] for name in _COUNTS}),
        ignored_columns=tuple(row.ignored_columns),
        created_by=row.created_by,
        created_at=row.created_at,
    )
