"""Metadata of the school's on audiences, price rules, offers, access rules, code runs and orders."""

from alembic import op
from sqlalchemy import JSON, Column

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

_TABLES = (
    "audiences",
    "price_rules",
    "offers",
    "access_rules",
    "code_runs",
    "redemptions",
    "refunds",
)


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, Column("metadata", JSON, nullable=False, server_default="{}"))
