"""Reports: sums by day, rolled up from all events that are still in the log."""

from alembic import op
from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, String

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "report_sums",
        Column("by", String(12), nullable=False),
        Column("room", String(64), nullable=False),
        Column("day", String(10), nullable=False),
        Column("value", String(120), nullable=False),
        Column("course", String(64), nullable=False),
        Column("currency", String(3), nullable=False),
        Column("measure", String(24), nullable=False),
        Column("sum", BigInteger, nullable=False),
        PrimaryKeyConstraint("by", "room", "measure", "day", "value", "course", "currency"),
    )
