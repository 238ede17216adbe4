"""The table of offers: one unit of a batch kept for one student.

An offer that has ended is kept for 400 days. Open ones are found by student, by room and by their end.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    text,
)

from server.ledger.tables.naming import ID, NAME, metadata

_IS_OPEN = "state IN ('offered','seen')"

offers = Table(
    "offers",
    metadata,
    Column("id", ID, primary_key=True),
    Column("group_id", ID, nullable=False),
    Column("room", NAME, nullable=False),
    Column("batch_id", ID, ForeignKey("batches.id"), nullable=False),
    Column("student", NAME, nullable=False),
    Column("state", String(9), nullable=False),
    Column("course", NAME),
    Column("message", String(200), nullable=False, server_default=""),
    Column("expires_at", BigInteger, nullable=False),
    Column("created_by", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("issuance_id", ID),
    Column("coupon_id", ID),
    Column("metadata", JSON, nullable=False, server_default="{}"),
    CheckConstraint(
        "state IN ('offered','seen','accepted','declined','expired','withdrawn')",
        name="state_known",
    ),
    CheckConstraint(f"({_IS_OPEN}) = (ended_at IS NULL)", name="ended_at_iff_ended"),
    CheckConstraint("(state = 'accepted') = (coupon_id IS NOT NULL)", name="coupon_iff_accepted"),
    # One open offer of a batch for each student.
    Index(
        "uq_offers_open",
        "batch_id",
        "student",
        unique=True,
        sqlite_where=text(_IS_OPEN),
        postgresql_where=text(_IS_OPEN),
    ),
    Index("ix_offers_room_id", "room", "id"),
    Index("ix_offers_student_id", "student", "id"),
    Index("ix_offers_group_id", "group_id"),
    Index(
        "ix_offers_open_expires_at",
        "expires_at",
        sqlite_where=text(_IS_OPEN),
        postgresql_where=text(_IS_OPEN),
    ),
    Index("ix_offers_ended_at", "ended_at"),
)
