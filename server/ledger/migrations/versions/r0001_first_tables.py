"""The first tables, with a row for each shard of the desk.

Written out rather than taken from tables/: that file moves on, this revision does not. The why of
each constraint stands there.
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
    Text,
    UniqueConstraint,
    text,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = String(40)
NAME = String(64)
SHARDS = 16


def upgrade() -> None:
    """In the order in which they refer to each other."""
    _templates()
    _template_versions()
    _batches()
    _batch_rooms()
    _drops()
    _allotments()
    _claims()
    _redemptions()
    _coupons()
    _redemption_coupons()
    _intents()
    _idempotency_keys()
    _dead_letters()
    _desks()


def _templates() -> None:
    op.create_table(
        "templates",
        Column("id", ID, primary_key=True),
        Column("version", Integer, nullable=False),
    )


def _template_versions() -> None:
    op.create_table(
        "template_versions",
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
        PrimaryKeyConstraint("template_id", "version"),
    )


def _batches() -> None:
    op.create_table(
        "batches",
        Column("id", ID, primary_key=True),
        Column("template_id", ID, nullable=False),
        Column("template_version", Integer, nullable=False),
        Column("name", String(60), nullable=False),
        Column("channel", NAME, nullable=False),
        Column("quantity", BigInteger),
        Column("allotted", BigInteger, nullable=False, server_default="0"),
        Column("per_student", Integer, nullable=False),
        Column("code_prefix", String(12), nullable=False, server_default=""),
        Column("hold_seconds", Integer),
        Column("campaign_id", ID),
        Column("claim_from", BigInteger),
        Column("claim_until", BigInteger),
        Column("any_room", Boolean, nullable=False),
        Column("shard", Integer, nullable=False),
        Column("metadata", JSON, nullable=False),
        Column("created_by", NAME, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        ForeignKeyConstraint(
            ["template_id", "template_version"],
            ["template_versions.template_id", "template_versions.version"],
        ),
        CheckConstraint("allotted >= 0", name="allotted_not_negative"),
        CheckConstraint(
            "quantity IS NULL OR allotted <= quantity", name="allotted_within_quantity"
        ),
        CheckConstraint("quantity IS NULL OR quantity > 0", name="quantity_positive"),
        CheckConstraint("per_student >= 1", name="per_student_positive"),
        UniqueConstraint("id", "per_student"),
        Index("ix_batches_template_id", "template_id"),
    )


def _batch_rooms() -> None:
    op.create_table(
        "batch_rooms",
        Column("batch_id", ID, ForeignKey("batches.id"), nullable=False),
        Column("room", NAME, nullable=False),
        Column("quantity", BigInteger),
        Column("allotted", BigInteger, nullable=False, server_default="0"),
        PrimaryKeyConstraint("batch_id", "room"),
        CheckConstraint("allotted >= 0", name="allotted_not_negative"),
        CheckConstraint("quantity IS NULL OR allotted <= quantity", name="allotted_within_share"),
        Index("ix_batch_rooms_room", "room"),
    )


def _drops() -> None:
    op.create_table(
        "drops",
        Column("id", ID, primary_key=True),
        Column("room", NAME, nullable=False),
        Column("batch_id", ID, nullable=False),
        Column("per_student", Integer, nullable=False),
        Column("shard", Integer, nullable=False),
        Column("state", String(12), nullable=False),
        Column("mode", String(8), nullable=False),
        Column("message", String(200), nullable=False),
        Column("quantity", BigInteger, nullable=False),
        Column("returned", BigInteger, nullable=False, server_default="0"),
        Column("duration_seconds", Integer, nullable=False),
        Column("opens_in_seconds", Integer, nullable=False),
        Column("audience", JSON, nullable=False),
        Column("opens_at", BigInteger),
        Column("closes_at", BigInteger),
        Column("closed_at", BigInteger),
        Column("close_reason", String(12)),
        Column("present_at_open", Integer),
        Column("metadata", JSON, nullable=False),
        Column("created_by", NAME, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        ForeignKeyConstraint(["batch_id", "per_student"], ["batches.id", "batches.per_student"]),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("returned >= 0 AND returned <= quantity", name="returned_within_quantity"),
        CheckConstraint("state IN ('prepared','opening','open','closed')", name="state_known"),
        Index("ix_drops_room_id", "room", "id"),
        Index("ix_drops_state_closes_at", "state", "closes_at"),
    )


def _allotments() -> None:
    op.create_table(
        "allotments",
        Column("id", ID, primary_key=True),
        Column("drop_id", ID, ForeignKey("drops.id"), nullable=False),
        Column("first", BigInteger, nullable=False),
        Column("last", BigInteger, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        CheckConstraint("first >= 1 AND first <= last", name="range_not_empty"),
        UniqueConstraint("drop_id", "first"),
        UniqueConstraint("id", "drop_id", "first", "last"),
    )


def _claims() -> None:
    op.create_table(
        "claims",
        Column("id", ID, primary_key=True),
        Column("drop_id", ID, nullable=False),
        Column("batch_id", ID, nullable=False),
        Column("student", NAME, nullable=False),
        Column("request_id", NAME, nullable=False),
        Column("unit", BigInteger, nullable=False),
        Column("allotment_id", ID, nullable=False),
        Column("allotment_first", BigInteger, nullable=False),
        Column("allotment_last", BigInteger, nullable=False),
        Column("slot", Integer, nullable=False),
        Column("per_student", Integer, nullable=False),
        Column("state", String(12), nullable=False),
        Column("reason", String(40)),
        Column("won_at", BigInteger, nullable=False),
        Column("confirmed_at", BigInteger, nullable=False),
        ForeignKeyConstraint(
            ["allotment_id", "drop_id", "allotment_first", "allotment_last"],
            ["allotments.id", "allotments.drop_id", "allotments.first", "allotments.last"],
            name="fk_claims_allotment",
        ),
        ForeignKeyConstraint(
            ["batch_id", "per_student"],
            ["batches.id", "batches.per_student"],
            name="fk_claims_batch",
        ),
        CheckConstraint(
            "unit BETWEEN allotment_first AND allotment_last", name="unit_in_allotment"
        ),
        Index(
            "uq_claims_live_unit",
            "drop_id",
            "unit",
            unique=True,
            sqlite_where=text("state = 'live'"),
            postgresql_where=text("state = 'live'"),
        ),
        CheckConstraint("slot BETWEEN 1 AND per_student", name="slot_within_limit"),
        Index(
            "uq_claims_student_slot",
            "batch_id",
            "student",
            "slot",
            unique=True,
            sqlite_where=text("state <> 'revoked'"),
            postgresql_where=text("state <> 'revoked'"),
        ),
        Index(
            "uq_claims_drop_student",
            "drop_id",
            "student",
            unique=True,
            sqlite_where=text("state <> 'revoked'"),
            postgresql_where=text("state <> 'revoked'"),
        ),
        CheckConstraint("state IN ('live','released','revoked')", name="state_known"),
    )


def _redemptions() -> None:
    op.create_table(
        "redemptions",
        Column("id", ID, primary_key=True),
        Column("order_id", NAME, nullable=False),
        Column("student", NAME, nullable=False),
        Column("state", String(12), nullable=False),
        Column("currency", String(3), nullable=False),
        Column("order", JSON, nullable=False),
        Column("subtotal", BigInteger, nullable=False),
        Column("discount", BigInteger, nullable=False),
        Column("payable", BigInteger, nullable=False),
        Column("lines", JSON, nullable=False),
        Column("expires_at", BigInteger, nullable=False),
        Column("payment_ref", String(200)),
        Column("paid_at", BigInteger),
        Column("created_at", BigInteger, nullable=False),
        Column("updated_at", BigInteger, nullable=False),
        UniqueConstraint("order_id"),
        CheckConstraint(
            "discount >= 0 AND payable >= 0 AND discount + payable = subtotal", name="parts_add_up"
        ),
        CheckConstraint("state IN ('locked','redeemed','cancelled','expired')", name="state_known"),
        Index("ix_redemptions_state_expires_at", "state", "expires_at"),
    )


def _coupons() -> None:
    op.create_table(
        "coupons",
        Column("id", ID, primary_key=True),
        Column("code", String(40), nullable=False),
        Column("batch_id", ID, ForeignKey("batches.id"), nullable=False),
        Column("template_id", ID, nullable=False),
        Column("template_version", Integer, nullable=False),
        Column("source", String(12), nullable=False),
        Column("claim_id", ID, ForeignKey("claims.id")),
        Column("drop_id", ID, ForeignKey("drops.id")),
        Column("student", NAME),
        Column("state", String(12), nullable=False),
        Column("valid_from", BigInteger, nullable=False),
        Column("valid_until", BigInteger, nullable=False),
        Column("hold_until", BigInteger),
        Column("redemption_id", ID, ForeignKey("redemptions.id")),
        Column("created_at", BigInteger, nullable=False),
        Column("redeemed_at", BigInteger),
        ForeignKeyConstraint(
            ["template_id", "template_version"],
            ["template_versions.template_id", "template_versions.version"],
        ),
        UniqueConstraint("code"),
        UniqueConstraint("claim_id"),
        CheckConstraint("valid_from < valid_until", name="window_not_empty"),
        CheckConstraint(
            "(state IN ('locked','redeemed')) = (redemption_id IS NOT NULL)", name="order_iff_taken"
        ),
        CheckConstraint(
            "state IN ('usable','locked','redeemed','released','revoked','voided')",
            name="state_known",
        ),
        Index("ix_coupons_student_id", "student", "id"),
        Index("ix_coupons_drop_id_state", "drop_id", "state"),
        Index(
            "ix_coupons_hold_until",
            "hold_until",
            sqlite_where=text("state = 'usable' AND hold_until IS NOT NULL"),
            postgresql_where=text("state = 'usable' AND hold_until IS NOT NULL"),
        ),
    )


def _redemption_coupons() -> None:
    op.create_table(
        "redemption_coupons",
        Column("redemption_id", ID, ForeignKey("redemptions.id"), nullable=False),
        Column("coupon_id", ID, ForeignKey("coupons.id"), nullable=False),
        Column("position", Integer, nullable=False),
        Column("discount", BigInteger, nullable=False),
        Column("shares", JSON, nullable=False),
        PrimaryKeyConstraint("redemption_id", "coupon_id"),
        CheckConstraint("discount >= 0", name="discount_not_negative"),
        Index("ix_redemption_coupons_coupon_id", "coupon_id"),
    )


def _intents() -> None:
    op.create_table(
        "intents",
        Column("id", ID, primary_key=True),
        Column("kind", String(12), nullable=False),
        Column("drop_id", ID, ForeignKey("drops.id"), nullable=False),
        Column("payload", JSON, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("done_at", BigInteger),
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("last_error", Text),
        Index(
            "ix_intents_pending",
            "created_at",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
        Index("ix_intents_drop_id", "drop_id"),
    )


def _idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        Column("subject", NAME, nullable=False),
        Column("path", String(200), nullable=False),
        Column("key", String(255), nullable=False),
        Column("body_hash", String(64), nullable=False),
        Column("resource_id", ID, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        PrimaryKeyConstraint("subject", "path", "key"),
        Index("ix_idempotency_keys_created_at", "created_at"),
    )


def _dead_letters() -> None:
    op.create_table(
        "dead_letters",
        Column("claim_id", ID, primary_key=True),
        Column("shard", Integer, nullable=False),
        Column("entry_id", String(40), nullable=False),
        Column("entry", JSON, nullable=False),
        Column("error", Text, nullable=False),
        Column("created_at", BigInteger, nullable=False),
    )


def _desks() -> None:
    desks = op.create_table(
        "desks",
        Column("shard", Integer, primary_key=True),
        Column("epoch", BigInteger, nullable=False),
        Column("rebuilt_at", BigInteger),
    )
    op.bulk_insert(desks, [{"shard": shard, "epoch": 0} for shard in range(SHARDS)])
