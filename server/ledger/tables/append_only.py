"""Makes the rows of a table unchangeable: a trigger refuses UPDATE and DELETE."""

from sqlalchemy import DDL, Table, event


def append_only(table: str, dialect: str) -> tuple[str, ...]:
    """Return the statements that make the rows of a table unchangeable."""
    if dialect == "sqlite":
        return tuple(
            f"CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for verb in ("UPDATE", "DELETE")
        )
    return (
        f"CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE integrity_constraint_violation USING MESSAGE = '{table} is append-only'; "
        "END $$",
        f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_is_append_only()",
    )


def keep_rows(table: Table) -> None:
    """Run these statements whenever the table is created from the metadata."""
    for dialect in ("sqlite", "postgresql"):
        for statement in append_only(table.name, dialect):
            trigger = DDL(statement)  # type: ignore[no-untyped-call]
            event.listen(table, "after_create", trigger.execute_if(dialect=dialect))
