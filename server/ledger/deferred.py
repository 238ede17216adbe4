"""Writes that nobody reads again in their transaction: they go to the database together, at its end.

Each statement is a round trip. On PostgreSQL all deferred writes are one statement: when the transaction
commits, or when `execute_with_deferred` sends them together with a statement of its own. On SQLite, where a
statement is a function call, they follow one another.

Fit for this: rows that are inserted, and an UPDATE of a row that the transaction has locked, at most one for
each row. PostgreSQL promises no order within one statement, so a lock that is first taken here would break
the lock order.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import CursorResult, Insert, Update, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import TextualSelect

Write = Insert | Update | TextualSelect
Rows = Sequence[tuple[Any, ...]]
WriteOf = Callable[[Rows], Write]  # makes one statement that inserts the rows, in this order

_KEY: Final = "deferred_writes"  # key in `conn.info`


@dataclass(slots=True)
class _Deferred:
    """The writes of one transaction that wait."""

    statements: list[Write] = field(default_factory=list)
    rows: defaultdict[WriteOf, list[tuple[Any, ...]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def take(self) -> list[Write]:
        """Return what waits; nothing does afterwards."""
        inserts = [make(rows) for make, rows in self.rows.items()]
        taken = [*self.statements, *inserts]
        self.statements, self.rows = [], defaultdict(list)
        return taken


@contextmanager
def collecting(conn: AsyncConnection) -> Iterator[None]:
    """Let the writes of this transaction wait; forget those that still do at the end of the block."""
    info = conn.info  # cannot be asked for any more once the server is gone
    info[_KEY] = _Deferred()
    try:
        yield
    finally:
        del info[_KEY]


async def later(conn: AsyncConnection, statement: Write) -> None:
    """Execute the statement at the end of the transaction; at once where its connection is not of
    `Ledger.begin`.
    """
    deferred: _Deferred | None = conn.info.get(_KEY)
    if deferred is not None:
        deferred.statements.append(statement)
    else:
        await conn.execute(statement)


async def insert_later(conn: AsyncConnection, make: WriteOf, rows: Rows) -> None:
    """Insert the rows as `later` does: all rows that are given with one `make` by one statement, in their
    order. On PostgreSQL only.
    """
    deferred: _Deferred | None = conn.info.get(_KEY)
    if deferred is not None:
        deferred.rows[make].extend(rows)
    else:
        await conn.execute(_with(select(1), [make(rows)]))


async def flush(conn: AsyncConnection) -> None:
    """Execute what waits. Called by engine.py before the commit."""
    writes = conn.info[_KEY].take()
    if not writes:
        return
    if conn.dialect.name == "postgresql":
        await conn.execute(_with(select(1), writes))
    else:
        await _execute_each(conn, writes)


async def execute_with_deferred(
    conn: AsyncConnection, statement: Update, values: Mapping[str, object]
) -> CursorResult[*tuple[Any, ...]]:
    """Execute the statement, and with it what waits. It does not see those rows."""
    deferred: _Deferred | None = conn.info.get(_KEY)
    writes = deferred.take() if deferred is not None else []
    if conn.dialect.name == "postgresql":
        found: CursorResult[*tuple[Any, ...]] = await conn.execute(_with(statement, writes), values)
        return found
    result = await conn.execute(statement, values)
    await _execute_each(conn, writes)
    return result


async def _execute_each(conn: AsyncConnection, writes: Sequence[Write]) -> None:
    for one in writes:
        await conn.execute(one)


def _with(statement: Any, writes: Sequence[Write]) -> Any:
    return statement.add_cte(*(one.cte(f"written_{n}") for n, one in enumerate(writes)))
