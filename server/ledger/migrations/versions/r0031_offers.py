"""Offers: one unit of a batch kept for one student.

A server of the version before knows none: offers that are open stay open until a new server ends them.
"""

from alembic import op
from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, String, text

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

ID = String(40)
NAME = String(64)
_IS_OPEN = "state IN ('offered','seen')"


def upgrade() -> None:
    op.create_table(
        "offers",
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
        CheckConstraint(
            "state IN ('offered','seen','accepted','declined','expired','withdrawn')",
            name="state_known",
        ),
        CheckConstraint(f"({_IS_OPEN}) = (ended_at IS NULL)", name="ended_at_iff_ended"),
        CheckConstraint(
            "(state = 'accepted') = (coupon_id IS NOT NULL)", name="coupon_iff_accepted"
        ),
    )
    _index("uq_offers_open", ["batch_id", "student"], unique=True, is_of_open=True)
    _index("ix_offers_room_id", ["room", "id"])
    _index("ix_offers_student_id", ["student", "id"])
    _index("ix_offers_group_id", ["group_id"])
    _index("ix_offers_open_expires_at", ["expires_at"], is_of_open=True)
    _index("ix_offers_ended_at", ["ended_at"])


def _index(
    name: str, columns: list[str], *, unique: bool = False, is_of_open: bool = False
) -> None:
    where = text(_IS_OPEN) if is_of_open else None
    op.create_index(
        name, "offers", columns, unique=unique, sqlite_where=where, postgresql_where=where
    )
