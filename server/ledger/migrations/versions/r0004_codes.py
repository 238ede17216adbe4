"""Codes in bulk and bound by students, and batches that say which edit they are at.

The coupons of claims get their claim's slot, so that one constraint sees both. The why of each constraint
stands in tables/.
"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    text,
)

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = String(40)
NAME = String(64)


def upgrade() -> None:
    op.add_column("batches", Column("version", Integer, nullable=False, server_default="1"))
    op.add_column("coupons", Column("slot", Integer))
    op.add_column("coupons", Column("bound_at", BigInteger))
    op.execute(
        "UPDATE coupons SET slot = (SELECT claims.slot FROM claims WHERE claims.id = coupons.claim_id)"
        " WHERE claim_id IS NOT NULL"
    )
    _coupon_indexes()
    _code_runs()


def _coupon_indexes() -> None:
    op.drop_index("ix_coupons_hold_until", "coupons")
    held = text("state = 'usable' AND hold_until IS NOT NULL AND claim_id IS NOT NULL")
    counted = text("state <> 'revoked' AND slot IS NOT NULL")
    unclaimed = text("claim_id IS NULL")
    for name, columns, is_unique, where in (
        ("ix_coupons_hold_until", ["hold_until"], False, held),
        ("uq_coupons_student_slot", ["batch_id", "student", "slot"], True, counted),
        ("ix_coupons_codes", ["batch_id", "id"], False, unclaimed),
    ):
        op.create_index(
            name, "coupons", columns, unique=is_unique, sqlite_where=where, postgresql_where=where
        )


def _code_runs() -> None:
    op.create_table(
        "code_runs",
        Column("id", ID, primary_key=True),
        Column("batch_id", ID, ForeignKey("batches.id"), nullable=False),
        Column("source", String(12), nullable=False),
        Column("quantity", Integer, nullable=False),
        Column("made", Integer, nullable=False, server_default="0"),
        Column("created_by", NAME, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("made BETWEEN 0 AND quantity", name="made_within_quantity"),
        CheckConstraint("source IN ('list','link')", name="source_known"),
        Index("ix_code_runs_batch_id", "batch_id"),
        Index(
            "ix_code_runs_unfinished",
            "created_at",
            sqlite_where=text("made < quantity"),
            postgresql_where=text("made < quantity"),
        ),
    )
