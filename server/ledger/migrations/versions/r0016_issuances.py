"""Issuances: coupons without a tap, an item for each student, and the issuance of a coupon.

A server of the version before gives no such coupons, and lists those that exist among the codes.
"""

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Text,
    text,
)

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ID = String(40)
NAME = String(64)


def upgrade() -> None:
    op.add_column("coupons", Column("issuance_id", ID))
    op.add_column("coupons", Column("issued_to", NAME))
    op.add_column("coupons", Column("part", Integer))
    op.drop_index("ix_coupons_codes", "coupons")
    codes = text("claim_id IS NULL AND issuance_id IS NULL")
    issued = text("issuance_id IS NOT NULL")
    for name, columns, is_unique, where in (
        ("ix_coupons_codes", ["batch_id", "id"], False, codes),
        ("uq_coupons_issuance_id", ["issuance_id", "issued_to", "part"], True, issued),
    ):
        op.create_index(
            name, "coupons", columns, unique=is_unique, sqlite_where=where, postgresql_where=where
        )
    _issuances()
    _issuance_items()


def _issuances() -> None:
    op.create_table(
        "issuances",
        Column("id", ID, primary_key=True),
        Column("batch_id", ID, ForeignKey("batches.id")),
        Column("pack_id", ID),
        Column("source", String(12), nullable=False),
        Column("source_id", ID),
        Column("reason", String(200), nullable=False),
        Column("state", String(16), nullable=False),
        Column("asked", Integer, nullable=False, server_default="0"),
        Column("issued", Integer, nullable=False, server_default="0"),
        Column("refused", Integer, nullable=False, server_default="0"),
        Column("held_out", Integer, nullable=False, server_default="0"),
        Column("taken_back", Integer, nullable=False, server_default="0"),
        Column("hold_out_percent", Integer, nullable=False, server_default="0"),
        Column("repeat", String(200)),
        Column("parent_id", ID, ForeignKey("issuances.id")),
        Column("notify", JSON),
        Column("metadata", JSON, nullable=False),
        Column("created_by", NAME, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("started_at", BigInteger),
        Column("finished_at", BigInteger),
        Column("due_at", BigInteger),
        Column("driver", ID),
        Column("driven_until", BigInteger, nullable=False, server_default="0"),
        Column("undone_to", NAME, nullable=False, server_default=""),
        CheckConstraint("(batch_id IS NULL) <> (pack_id IS NULL)", name="batch_or_pack"),
        CheckConstraint("issued + refused + held_out <= asked", name="decided_within_asked"),
        CheckConstraint("taken_back BETWEEN 0 AND issued", name="taken_back_within_issued"),
        CheckConstraint("hold_out_percent BETWEEN 0 AND 100", name="hold_out_percent"),
        CheckConstraint(
            "state IN ('scheduled','counting_down','running','done','stopped','undone')",
            name="state_known",
        ),
        Index("ix_issuances_batch_id", "batch_id", "id"),
        Index("ix_issuances_source_id", "source_id", "id"),
        Index("ix_issuances_finished_at", "finished_at"),
        Index(
            "uq_issuances_parent_id",
            "parent_id",
            "created_at",
            unique=True,
            sqlite_where=text("parent_id IS NOT NULL"),
            postgresql_where=text("parent_id IS NOT NULL"),
        ),
        Index(
            "ix_issuances_due_at",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )


def _issuance_items() -> None:
    op.create_table(
        "issuance_items",
        Column("issuance_id", ID, ForeignKey("issuances.id"), nullable=False),
        Column("student", NAME, nullable=False),
        Column("outcome", String(16)),
        Column("decided_at", BigInteger),
        Column("taken_back_at", BigInteger),
        Column("desk_slots", Text),
        PrimaryKeyConstraint("issuance_id", "student"),
        CheckConstraint(
            "outcome IN ('issued','held_out','blocked','stopped','not_eligible','limit_reached',"
            "'stock_short','budget_short','duplicate')",
            name="outcome_known",
        ),
        CheckConstraint("(outcome IS NULL) = (decided_at IS NULL)", name="decided_iff_outcome"),
        Index(
            "ix_issuance_items_pending",
            "issuance_id",
            "student",
            sqlite_where=text("outcome IS NULL"),
            postgresql_where=text("outcome IS NULL"),
        ),
        Index(
            "ix_issuance_items_refused",
            "issuance_id",
            "outcome",
            "student",
            sqlite_where=text("outcome <> 'issued'"),
            postgresql_where=text("outcome <> 'issued'"),
        ),
    )
