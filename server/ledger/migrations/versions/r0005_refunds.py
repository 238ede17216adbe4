"""Refunds with the lines they paid back, and how often a student used coupons of a template.

Tables of their own: a server of the version before goes on with all there is, and neither refunds nor counts.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.String(40)
NAME = sa.String(64)


def upgrade() -> None:
    _template_uses()
    _refunds()
    _refunded_lines()


def _template_uses() -> None:
    op.create_table(
        "template_uses",
        sa.Column("template_id", ID, sa.ForeignKey("templates.id"), nullable=False),
        sa.Column("student", NAME, nullable=False),
        sa.Column("uses", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("template_id", "student"),
        sa.CheckConstraint("uses >= 0", name="uses_not_negative"),
    )


def _refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("redemption_id", ID, sa.ForeignKey("redemptions.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("refund_id", NAME, nullable=False),
        sa.Column("asked", sa.JSON, nullable=False),
        sa.Column("refunded", sa.BigInteger, nullable=False),
        sa.Column("charged_back", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("payable", sa.BigInteger, nullable=False),
        sa.Column("lines", sa.JSON, nullable=False),
        sa.Column("coupons", sa.JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("redemption_id", "number"),
        sa.UniqueConstraint("redemption_id", "refund_id"),
        sa.CheckConstraint("refunded >= 0", name="refunded_not_negative"),
        sa.CheckConstraint("total BETWEEN refunded AND payable", name="total_within_payable"),
    )


def _refunded_lines() -> None:
    op.create_table(
        "refunded_lines",
        sa.Column("redemption_id", ID, sa.ForeignKey("redemptions.id"), nullable=False),
        sa.Column("line_id", NAME, nullable=False),
        sa.Column("payable", sa.BigInteger, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("refunded", sa.BigInteger, nullable=False),
        sa.Column("returned", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("redemption_id", "line_id"),
        sa.CheckConstraint("refunded BETWEEN 0 AND payable", name="refunded_within_payable"),
        sa.CheckConstraint("returned BETWEEN 0 AND quantity", name="returned_within_quantity"),
    )
