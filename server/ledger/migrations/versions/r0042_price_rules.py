"""Price rules: how often, for how long and how deep a course may be sold below its list price."""

from alembic import op
from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Integer, String

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "price_rules",
        Column("id", String(40), primary_key=True),
        Column("courses", JSON, nullable=False),
        Column("max_days_on_offer", Integer),
        Column("min_days_between", Integer),
        Column("max_depth_percent", Integer),
        Column("created_by", String(64), nullable=False),
        Column("created_at", BigInteger, nullable=False),
    )
    op.create_table(
        "price_overrides",
        Column("batch_id", String(40), ForeignKey("batches.id"), primary_key=True),
        Column("reason", String(200), nullable=False),
        Column("created_by", String(64), nullable=False),
        Column("created_at", BigInteger, nullable=False),
    )
