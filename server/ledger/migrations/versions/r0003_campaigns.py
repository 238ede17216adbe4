"""Campaigns: budgets, limits for each student, claim conditions, and the switch that stops.

Columns are added at the end of what there is: SQLite can do that to a table that others refer to.
"""

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
    text,
)

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = String(40)
NAME = String(64)


def upgrade() -> None:
    _batches_and_coupons()
    _campaigns()
    _budgets()
    _campaign_claims()
    _stops()


def _batches_and_coupons() -> None:
    op.add_column("batches", Column("claim_conditions", JSON))
    op.add_column("batches", Column("per_campaign", Integer))
    op.add_column("batches", Column("greatest_discount", BigInteger))
    op.add_column("coupons", Column("budget", String(8)))
    exposed = text("budget = 'exposed' AND hold_until IS NULL")
    op.create_index(
        "ix_coupons_exposed_until",
        "coupons",
        ["valid_until"],
        sqlite_where=exposed,
        postgresql_where=exposed,
    )


def _campaigns() -> None:
    op.create_table(
        "campaigns",
        Column("id", ID, primary_key=True),
        Column("name", String(60), nullable=False),
        Column("purpose", String(200), nullable=False),
        Column("starts_at", BigInteger, nullable=False),
        Column("ends_at", BigInteger, nullable=False),
        Column("phases", JSON, nullable=False),
        Column("per_student", Integer),
        Column("shard", Integer, nullable=False),
        Column("metadata", JSON, nullable=False),
        Column("created_by", NAME, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        CheckConstraint("starts_at < ends_at", name="window_not_empty"),
        CheckConstraint("per_student >= 1", name="per_student_positive"),
        UniqueConstraint("id", "per_student"),
    )


def _budgets() -> None:
    op.create_table(
        "campaign_budgets",
        Column("campaign_id", ID, ForeignKey("campaigns.id"), nullable=False),
        Column("kind", String(8), nullable=False),
        Column("amount", BigInteger, nullable=False),
        Column("currency", String(3)),
        Column("free", BigInteger, nullable=False),
        Column("exposed", BigInteger, nullable=False, server_default="0"),
        Column("settled", BigInteger, nullable=False, server_default="0"),
        PrimaryKeyConstraint("campaign_id", "kind"),
        CheckConstraint("free + exposed + settled = amount", name="parts_add_up"),
        CheckConstraint("kind IN ('money','pieces')", name="kind_known"),
    )
    op.create_table(
        "campaign_warnings",
        Column("campaign_id", ID, nullable=False),
        Column("kind", String(8), nullable=False),
        Column("level", Integer, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("told_at", BigInteger),
        PrimaryKeyConstraint("campaign_id", "kind", "level"),
        ForeignKeyConstraint(
            ["campaign_id", "kind"], ["campaign_budgets.campaign_id", "campaign_budgets.kind"]
        ),
        Index(
            "ix_campaign_warnings_untold",
            "at",
            sqlite_where=text("told_at IS NULL"),
            postgresql_where=text("told_at IS NULL"),
        ),
    )


def _campaign_claims() -> None:
    op.create_table(
        "campaign_claims",
        Column("claim_id", ID, ForeignKey("claims.id"), primary_key=True),
        Column("campaign_id", ID, nullable=False),
        Column("student", NAME, nullable=False),
        Column("slot", Integer, nullable=False),
        Column("per_student", Integer, nullable=False),
        ForeignKeyConstraint(
            ["campaign_id", "per_student"], ["campaigns.id", "campaigns.per_student"]
        ),
        UniqueConstraint("campaign_id", "student", "slot"),
        CheckConstraint("slot BETWEEN 1 AND per_student", name="slot_within_limit"),
    )


def _stops() -> None:
    op.create_table(
        "stops",
        Column("target", ID, primary_key=True),
        Column("claims", Boolean, nullable=False),
        Column("use", Boolean, nullable=False),
        Column("reason", String(200), nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("changed_by", NAME, nullable=False),
        Column("changed_at", BigInteger, nullable=False),
    )
