"""A batch may have a plan: how many of its coupons go out in a minute."""

from alembic import op
from sqlalchemy import Column, Integer, text

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_HAS_PLAN = text("max_per_minute IS NOT NULL")


def upgrade() -> None:
    op.add_column("batches", Column("max_per_minute", Integer))
    op.create_index(
        "ix_batches_max_per_minute",
        "batches",
        ["max_per_minute"],
        sqlite_where=_HAS_PLAN,
        postgresql_where=_HAS_PLAN,
    )
