"""Codes that students type count for their campaign's limit, in the table of its claims.

Those that were bound before this version count for nothing, as they did: desks that run know nothing of
them. A server of the version before goes on writing claims.
"""

from alembic import op
from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
)

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ID = String(40)
NAME = String(64)
_KEPT = "campaign_id, student, slot, per_student, claim_id"


def upgrade() -> None:
    # Made anew under its own name, for its constraints' names: SQLite alters none of them.
    op.execute(f"CREATE TEMPORARY TABLE kept_claims AS SELECT {_KEPT} FROM campaign_claims")
    op.drop_table("campaign_claims")
    _campaign_claims()
    op.execute(f"INSERT INTO campaign_claims ({_KEPT}) SELECT {_KEPT} FROM kept_claims")
    op.execute("DROP TABLE kept_claims")


def _campaign_claims() -> None:
    op.create_table(
        "campaign_claims",
        Column("campaign_id", ID, nullable=False),
        Column("student", NAME, nullable=False),
        Column("slot", Integer, nullable=False),
        Column("per_student", Integer, nullable=False),
        Column("claim_id", ID, ForeignKey("claims.id")),
        Column("coupon_id", ID, ForeignKey("coupons.id")),
        ForeignKeyConstraint(
            ["campaign_id", "per_student"], ["campaigns.id", "campaigns.per_student"]
        ),
        PrimaryKeyConstraint("campaign_id", "student", "slot"),
        UniqueConstraint("claim_id"),
        UniqueConstraint("coupon_id"),
        CheckConstraint("slot BETWEEN 1 AND per_student", name="slot_within_limit"),
        CheckConstraint("(claim_id IS NULL) <> (coupon_id IS NULL)", name="claim_or_code"),
    )
