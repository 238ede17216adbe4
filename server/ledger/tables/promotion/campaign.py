"""Tables of campaigns: budgets and their warnings, the limit for each student, and stops."""

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
    Table,
    UniqueConstraint,
    text,
)

from server.ledger.tables.naming import ID, NAME, metadata

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", String(60), nullable=False),
    Column("purpose", String(200), nullable=False),
    Column("starts_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("phases", JSON, nullable=False),  # [{name, from, until}]
    Column("per_student", Integer),  # null = no limit over its batches
    Column("shard", Integer, nullable=False),  # where its caps live, and all its batches with them
    Column("metadata", JSON, nullable=False),
    Column("created_by", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    CheckConstraint("starts_at < ends_at", name="window_not_empty"),
    CheckConstraint("per_student >= 1", name="per_student_positive"),
    # Claims of releases before r0047 referred to both; SQLite cannot drop it.
    UniqueConstraint("id", "per_student"),
)

# amount = free + exposed + settled at every commit: each move of a part is one conditional UPDATE.
campaign_budgets = Table(
    "campaign_budgets",
    metadata,
    Column("campaign_id", ID, ForeignKey("campaigns.id"), nullable=False),
    Column("kind", String(8), nullable=False),  # money pieces
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3)),
    Column("free", BigInteger, nullable=False),
    Column("exposed", BigInteger, nullable=False, server_default="0"),
    Column("settled", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("campaign_id", "kind"),
    CheckConstraint("free + exposed + settled = amount", name="parts_add_up"),
    CheckConstraint("kind IN ('money','pieces')", name="kind_known"),
)

# One row for each level, however often it is reached again. `told_at`: when it was logged and counted.
campaign_warnings = Table(
    "campaign_warnings",
    metadata,
    Column("campaign_id", ID, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("level", Integer, nullable=False),  # percent
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

# Promise I2 over all batches of a campaign with a limit, for claims and bound codes. A revoked claim has no
# row here; a released claim counts, and so does a voided code. `per_student` is the limit that the claim was
# won by: the campaign's own may have moved since.
campaign_claims = Table(
    "campaign_claims",
    metadata,
    Column("campaign_id", ID, ForeignKey("campaigns.id"), nullable=False),
    Column("student", NAME, nullable=False),
    Column("slot", Integer, nullable=False),
    Column("per_student", Integer, nullable=False),
    Column("claim_id", ID, ForeignKey("claims.id")),
    Column("coupon_id", ID, ForeignKey("coupons.id")),  # of a code, which no claim gave
    PrimaryKeyConstraint("campaign_id", "student", "slot"),
    UniqueConstraint("claim_id"),
    UniqueConstraint("coupon_id"),
    CheckConstraint("slot BETWEEN 1 AND per_student", name="slot_within_limit"),
    CheckConstraint("(claim_id IS NULL) <> (coupon_id IS NULL)", name="claim_or_code"),
)

# What may not be claimed or used now: `all`, a campaign or a batch. Every change of a row raises the version
# of `all`, which says which state of this table a desk has.
stops = Table(
    "stops",
    metadata,
    Column("target", ID, primary_key=True),
    Column("claims", Boolean, nullable=False),
    Column("use", Boolean, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("changed_by", NAME, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
)
