"""Tables of issuances: coupons that students get without a tap, and one item for each student.

An item is deleted 400 days after its issuance has ended (ledger/coupons/issuances.py); its coupon stays.
"""

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
    Table,
    Text,
    text,
)

from server.ledger.tables.naming import ID, NAME, metadata

issuances = Table(
    "issuances",
    metadata,
    Column("id", ID, primary_key=True),
    Column("batch_id", ID, ForeignKey("batches.id")),
    Column("pack_id", ID),
    Column("source", String(12), nullable=False),  # core.coupons.issuances.IssuanceSource
    Column("source_id", ID),  # the audience, import or trigger
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
    # When a worker has to look at it next; null = never again.
    Column("due_at", BigInteger),
    # Who drives it, until when. It keeps two workers from the same piece; the row's lock decides.
    Column("driver", ID),
    Column("driven_until", BigInteger, nullable=False, server_default="0"),
    # How far an undo has got: all students up to this one.
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

# Promise I10: one row for each (issuance, student); an outcome is written once.
issuance_items = Table(
    "issuance_items",
    metadata,
    Column("issuance_id", ID, ForeignKey("issuances.id"), nullable=False),
    Column("student", NAME, nullable=False),
    Column("outcome", String(16)),  # null = not decided yet
    Column("decided_at", BigInteger),
    Column("taken_back_at", BigInteger),
    # Of coupons that were taken back: the slots that the desk still has to free, as JSON; else null.
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
    # Pages of what was not issued. Without the items that were, which are nearly all.
    Index(
        "ix_issuance_items_refused",
        "issuance_id",
        "outcome",
        "student",
        sqlite_where=text("outcome <> 'issued'"),
        postgresql_where=text("outcome <> 'issued'"),
    ),
)
