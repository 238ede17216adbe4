"""Flat rows as the columns of an INSERT, and the INSERT that a redelivery may repeat.

Called by claims.py and coupons.py, which write thousands of rows a second. `dataclasses.asdict` looks into
every value and copies it: 25 us a row where this takes 1.
"""

from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Insert, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def columns_of(rows: "Sequence[DataclassInstance]") -> list[dict[str, Any]]:
    """Rows of one dataclass, its fields named as the columns are."""
    if not rows:
        return []
    names = [field.name for field in fields(rows[0])]
    values = attrgetter(*names)
    return [dict(zip(names, values(row), strict=True)) for row in rows]


def insert_unless_there(conn: AsyncConnection, table: Table, column: str) -> Insert:
    """A row whose `column` (unique) is there already is no error and changes nothing; anything else that
    is in the way is an IntegrityError."""
    if conn.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing(index_elements=[column])
    return sqlite.insert(table).on_conflict_do_nothing(index_elements=[column])
