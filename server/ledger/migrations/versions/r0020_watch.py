"""The watch: subjects with points, and wrong codes by the hour."""

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Integer,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
)

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "watched",
        Column("id", String(40), primary_key=True),
        Column("kind", String(12), nullable=False),
        Column("value", String(200), nullable=False),
        Column("points", Integer, nullable=False),
        Column("level", String(8), nullable=False),
        Column("reasons", JSON, nullable=False),
        Column("first_seen_at", BigInteger, nullable=False),
        Column("seen_at", BigInteger, nullable=False),
        UniqueConstraint("kind", "value"),
    )
    op.create_index("ix_watched_seen_at", "watched", ["seen_at"])
    op.create_table(
        "watch_turns",
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("looked_at", BigInteger, nullable=False),
    )
    op.create_table(
        "wrong_codes",
        Column("student", String(64), nullable=False),
        Column("hour", BigInteger, nullable=False),
        Column("count", Integer, nullable=False),
        PrimaryKeyConstraint("student", "hour"),
    )
    op.create_index("ix_wrong_codes_hour", "wrong_codes", ["hour"])
