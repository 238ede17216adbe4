"""Partial indexes: coupons without a drop, and students without a name, are not in indexes of these."""

from alembic import op
from sqlalchemy import text

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _replace("ix_coupons_drop_id_state", "coupons", ["drop_id", "state", "redeemed_at"])
    _replace("ix_students_name_key", "students", ["name_key"], {"name_key": "text_pattern_ops"})
    _replace("ix_students_registered_at", "students", ["registered_at"])


def _replace(
    name: str, table: str, columns: list[str], operators: dict[str, str] | None = None
) -> None:
    has_value = text(f"{columns[0]} IS NOT NULL")
    op.drop_index(name, table)
    op.create_index(
        name,
        table,
        columns,
        sqlite_where=has_value,
        postgresql_where=has_value,
        postgresql_ops=operators or {},
    )
