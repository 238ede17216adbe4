"""Campaigns that may be edited: their version, and claims whose copy of the limit may be an older one.

A server of the version before goes on writing claims; it would lower a limit for nobody.
"""

from alembic import op
from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
)

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

ID = String(40)
NAME = String(64)
_ALL = "campaign_id, student, slot, per_student, claim_id, coupon_id"


def upgrade() -> None:
    op.add_column("campaigns", Column("version", Integer, nullable=False, server_default="1"))
    # Made anew under its own name, for its constraints' names: SQLite alters none of them.
    op.execute(f"CREATE TEMPORARY TABLE kept_claims AS SELECT {_ALL} FROM campaign_claims")
    op.drop_table("campaign_claims")
    _campaign_claims()
    op.execute(f"INSERT INTO campaign_claims ({_ALL}) SELECT {_ALL} FROM kept_claims")
    op.execute("DROP TABLE kept_claims")


def _campaign_claims() -> None:
    op.create_table(
        "campaign_claims",
        Column("campaign_id", ID, ForeignKey("campaigns.id"), nullable=False),
        Column("student", NAME, nullable=False),
        Column("slot", Integer, nullable=False),
        Column("per_student", Integer, nullable=False),
        Column("claim_id", ID, ForeignKey("claims.id")),
        Column("coupon_id", ID, ForeignKey("coupons.id")),
        PrimaryKeyConstraint("campaign_id", "student", "slot"),
        UniqueConstraint("claim_id"),
        UniqueConstraint("coupon_id"),
        CheckConstraint("slot BETWEEN 1 AND per_student", name="slot_within_limit"),
        CheckConstraint("(claim_id IS NULL) <> (coupon_id IS NULL)", name="claim_or_code"),
    )
