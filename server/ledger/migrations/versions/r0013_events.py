"""Events: what has happened, in the order in which it became visible, and how far each reader has come.

A server of the version before records none, and readers do not hear of what it does.
"""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, String, Text

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = String(40)
NAME = String(64)


def upgrade() -> None:
    op.create_table(
        "unnumbered_events",
        Column(
            "number",
            BigInteger().with_variant(Integer, "sqlite"),
            primary_key=True,
        ),
        *_facts(),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "events",
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
        *_facts(),
    )
    op.create_index("ix_events_student_seq", "events", ["student", "seq"])
    op.create_table(
        "event_positions",
        Column("reader", NAME, primary_key=True),
        Column("seq", BigInteger, nullable=False),
    )


def _facts() -> tuple[Column[str] | Column[int], ...]:
    return (
        Column("id", ID, nullable=False),
        Column("type", String(40), nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("subject", NAME, nullable=False),
        Column("student", NAME),
        Column("data", Text, nullable=False),
    )
