"""Tables of promotions: templates with their versions, batches, and the room quotas of batches."""

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
    Text,
    UniqueConstraint,
    text,
)

from server.ledger.tables.naming import ID, NAME, metadata

templates = Table(
    "templates",
    metadata,
    Column("id", ID, primary_key=True),
    Column("version", Integer, nullable=False),  # the current one
)

template_versions = Table(
    "template_versions",
    metadata,
    Column("template_id", ID, ForeignKey("templates.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("name", String(60), nullable=False),
    Column("description", Text, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("discount", JSON, nullable=False),
    Column("threshold", JSON, nullable=False),
    Column("scope", JSON, nullable=False),
    Column("validity", JSON, nullable=False),
    Column("style", JSON, nullable=False),
    Column("use_url", Text),
    Column("metadata", JSON, nullable=False),
    Column("created_by", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("deducts", JSON, nullable=False, server_default='["goods"]'),
    Column("stacking", JSON, nullable=False, server_default="{}"),
    Column("uses_per_student", Integer),  # null = no limit
    Column("returns", JSON, nullable=False, server_default="{}"),
    PrimaryKeyConstraint("template_id", "version"),
)

batches = Table(
    "batches",
    metadata,
    Column("id", ID, primary_key=True),
    Column("template_id", ID, nullable=False),
    Column("template_version", Integer, nullable=False),
    Column("name", String(60), nullable=False),
    Column("channel", NAME, nullable=False),
    Column("quantity", BigInteger),  # null = unlimited, not for drops
    Column("allotted", BigInteger, nullable=False, server_default="0"),
    Column("per_student", Integer, nullable=False),
    Column("code_prefix", String(12), nullable=False, server_default=""),
    Column("hold_seconds", Integer),
    Column("campaign_id", ID),
    Column("claim_from", BigInteger),
    Column("claim_until", BigInteger),
    Column("any_room", Boolean, nullable=False),
    Column("shard", Integer, nullable=False),  # K of the desk's keys, fixed here (desk/keys.py)
    Column("metadata", JSON, nullable=False),
    Column("created_by", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("claim_conditions", JSON),  # {"tags": [], "new": false}; null = any account
    # Copied from its campaign for good: the limit for each student, and the most that one coupon takes of its
    # money (null = no budget).
    Column("per_campaign", Integer),
    Column("greatest_discount", BigInteger),
    Column("version", Integer, nullable=False, server_default="1"),  # of its edits
    Column("max_per_minute", Integer),  # coupons that may go out by plan; null = no plan
    # Hours before a coupon's end at which its student is reminded; null = the installation's default.
    Column("remind_before", JSON(none_as_null=True)),
    # Claims of all accounts of one person, or on one device. Null = no limit.
    Column("per_person", Integer),
    Column("per_device", Integer),
    # Ended for good, by whom and why; null = it goes on. Its claims are stopped (`stops`) since.
    Column("ended_at", BigInteger),
    Column("ended_by", NAME),
    Column("end_reason", String(200)),
    ForeignKeyConstraint(
        ["template_id", "template_version"],
        ["template_versions.template_id", "template_versions.version"],
    ),
    # Promise I1 for several drops of one batch: allotted units never exceed its quantity.
    CheckConstraint("allotted >= 0", name="allotted_not_negative"),
    CheckConstraint("quantity IS NULL OR allotted <= quantity", name="allotted_within_quantity"),
    CheckConstraint("quantity IS NULL OR quantity > 0", name="quantity_positive"),
    CheckConstraint("per_student >= 1", name="per_student_positive"),
    UniqueConstraint("id", "per_student"),  # claims refer to both: their copy cannot differ
    Index("uq_batches_id_per_person", "id", "per_person", unique=True),  # as person_slots do
    Index("uq_batches_id_per_device", "id", "per_device", unique=True),  # as device_slots do
    Index("ix_batches_template_id", "template_id"),
    Index("ix_batches_campaign_id", "campaign_id"),
    Index("ix_batches_claim_until", "claim_until"),
    Index("ix_batches_created_at", "created_at"),
    Index(
        "ix_batches_max_per_minute",
        "max_per_minute",
        sqlite_where=text("max_per_minute IS NOT NULL"),
        postgresql_where=text("max_per_minute IS NOT NULL"),
    ),
)

batch_rooms = Table(
    "batch_rooms",
    metadata,
    Column("batch_id", ID, ForeignKey("batches.id"), nullable=False),
    Column("room", NAME, nullable=False),
    Column("quantity", BigInteger),  # the room's quota; null = whatever the batch has
    Column("allotted", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("batch_id", "room"),
    CheckConstraint("allotted >= 0", name="allotted_not_negative"),
    CheckConstraint("quantity IS NULL OR allotted <= quantity", name="allotted_within_share"),
    Index("ix_batch_rooms_room", "room"),
)
