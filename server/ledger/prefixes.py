"""Search for the beginning of a text, by an index and exactly, on both databases.

Called by lists that are searched. PostgreSQL needs an index with `text_pattern_ops`; SQLite compares bytes.
"""

from sqlalchemy import Column, ColumnElement, and_
from sqlalchemy.ext.asyncio import AsyncConnection

_LAST = "\U0010ffff"


def begins_with(conn: AsyncConnection, text: Column[str], prefix: str) -> ColumnElement[bool]:
    """Return whether the column's text begins with the prefix, which is not empty."""
    if conn.dialect.name == "postgresql":
        return text.startswith(prefix, autoescape=True)
    return and_(text >= prefix, text < prefix + _LAST)
