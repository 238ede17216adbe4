"""Makes the rows of a table unchangeable: a trigger refuses UPDATE and DELETE.

Names of people in such rows can be replaced while an erasure is open, and only they: the columns that hold
them are named, and all others must stay as they are (decision 0044).
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import DDL, Table, event

# The columns that an open erasure may change, of the tables that have such columns.
NAMES: Final = {
    "acts": ("actor", "subject", "detail"),
    "balance_entries": ("student",),
}


def append_only(table: str, dialect: str, kept: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the statements that make the rows of a table unchangeable.

    `kept`: the columns that stay as they are while an open erasure replaces names in the others. Empty: the
    rows name nobody.
    """
    if dialect == "sqlite":
        return _in_sqlite(table, kept)
    erases = (
        f"IF TG_OP = 'UPDATE' AND {_may_erase(kept, 'IS NOT DISTINCT FROM')} THEN RETURN NEW; END IF; "
        if kept
        else ""
    )
    return (
        f"CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {erases}RAISE integrity_constraint_violation USING MESSAGE = '{table} is append-only'; "
        "END $$",
        f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_is_append_only()",
    )


def _in_sqlite(table: str, kept: Sequence[str]) -> tuple[str, ...]:
    unless = {"UPDATE": f"WHEN NOT ({_may_erase(kept, 'IS')}) " if kept else "", "DELETE": ""}
    return tuple(
        f"CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table} {condition}"
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for verb, condition in unless.items()
    )


def _may_erase(kept: Sequence[str], equals: str) -> str:
    """Return the condition under which a row may change: an open erasure, and all else stays."""
    same = " AND ".join(f"OLD.{name} {equals} NEW.{name}" for name in kept)
    return f"{same} AND EXISTS (SELECT 1 FROM erasures WHERE done_at IS NULL)"


def keep_rows(table: Table) -> None:
    """Run these statements whenever the table is created from the metadata."""
    names = NAMES.get(table.name, ())
    kept = [column.name for column in table.columns if column.name not in names] if names else []
    for dialect in ("sqlite", "postgresql"):
        for statement in append_only(table.name, dialect, kept):
            trigger = DDL(statement)  # type: ignore[no-untyped-call]
            event.listen(table, "after_create", trigger.execute_if(dialect=dialect))
