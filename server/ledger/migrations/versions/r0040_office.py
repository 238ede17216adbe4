"""The office: a batch's coupons in the order of their ids, orders by their payment reference, and how many
coupons a person of support gave on a day."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_coupons_batch_id_id", "coupons", ["batch_id", "id"])
    referred = sa.text("payment_ref IS NOT NULL")
    op.create_index(
        "ix_redemptions_payment_ref",
        "redemptions",
        ["payment_ref"],
        sqlite_where=referred,
        postgresql_where=referred,
    )
    op.create_table(
        "support_days",
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("coupons", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("subject"),
        sa.CheckConstraint("coupons > 0", name="coupons_positive"),
    )
