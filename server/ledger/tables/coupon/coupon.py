"""Tables of coupons: coupons of claims and codes, runs that make codes, and counters of limited uses."""

from sqlalchemy import (
    JSON,
    BigInteger,
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

coupons = Table(
    "coupons",
    metadata,
    Column("id", ID, primary_key=True),
    Column("code", String(40), nullable=False),
    Column("batch_id", ID, ForeignKey("batches.id"), nullable=False),
    Column("template_id", ID, nullable=False),
    Column("template_version", Integer, nullable=False),
    Column("source", String(12), nullable=False),  # claim, core's Source or IssuanceSource
    Column("claim_id", ID, ForeignKey("claims.id")),
    Column("drop_id", ID, ForeignKey("drops.id")),  # null without a drop
    Column("student", NAME),  # null = an unbound code
    # `expired` is not stored: it is a usable coupon after its use_by.
    Column("state", String(12), nullable=False),  # usable locked redeemed released revoked voided
    Column("valid_from", BigInteger, nullable=False),
    Column("valid_until", BigInteger, nullable=False),
    Column("hold_until", BigInteger),  # null = no hold
    Column("redemption_id", ID, ForeignKey("redemptions.id")),
    Column("created_at", BigInteger, nullable=False),
    Column("redeemed_at", BigInteger),
    # Status of its part of the campaign's budget: exposed settled returned; null = no budget.
    Column("budget", String(8)),
    # Which of the `per_student` of its batch this is: the claim's, or taken when a code is bound.
    Column("slot", Integer),
    Column("bound_at", BigInteger),  # when a student typed the code
    Column("moves", Integer, nullable=False, server_default="0"),  # from state to state, so far
    # Since when a move is to be published to its student; null = nothing to publish.
    Column("untold_since", BigInteger),
    # The issuance that gave it; null: a claim or a code did. `issued_to`: the student of its item, also when
    # a merge of accounts has made the coupon another student's. `part`: which of that student's coupons of
    # the issuance it is, from 1; a pack gives several.
    Column("issuance_id", ID),
    Column("issued_to", NAME),
    Column("part", Integer),
    # When (ms) the school was told that its window ended unused; null = not yet.
    Column("expiry_told_at", BigInteger),
    ForeignKeyConstraint(
        ["template_id", "template_version"],
        ["template_versions.template_id", "template_versions.version"],
    ),
    UniqueConstraint("code"),
    UniqueConstraint("claim_id"),
    CheckConstraint("valid_from < valid_until", name="window_not_empty"),
    # Promise I6: it has a redemption exactly while it is locked or redeemed.
    CheckConstraint(
        "(state IN ('locked','redeemed')) = (redemption_id IS NOT NULL)", name="order_iff_taken"
    ),
    CheckConstraint(
        "state IN ('usable','locked','redeemed','released','revoked','voided')", name="state_known"
    ),
    Index("ix_coupons_student_id", "student", "id"),
    # Pages of a batch's coupons in the office. Ids rise, so inserts go to the end of a batch's range.
    Index("ix_coupons_batch_id_id", "batch_id", "id"),
    # Partial, like others below: an issued coupon has no drop, and each index costs it 3 us.
    Index(
        "ix_coupons_drop_id_state",
        "drop_id",
        "state",
        "redeemed_at",
        sqlite_where=text("drop_id IS NOT NULL"),
        postgresql_where=text("drop_id IS NOT NULL"),
    ),
    Index(
        "ix_coupons_hold_until",
        "hold_until",
        sqlite_where=text("state = 'usable' AND hold_until IS NOT NULL AND claim_id IS NOT NULL"),
        postgresql_where=text(
            "state = 'usable' AND hold_until IS NOT NULL AND claim_id IS NOT NULL"
        ),
    ),
    # Coupons whose expiry gives their budget back. A coupon with a hold gives it back with its unit.
    Index(
        "ix_coupons_exposed_until",
        "valid_until",
        sqlite_where=text("budget = 'exposed' AND hold_until IS NULL"),
        postgresql_where=text("budget = 'exposed' AND hold_until IS NULL"),
    ),
    # Coupons whose students may be reminded: those that end soon and are not used.
    Index(
        "ix_coupons_usable_until",
        "valid_until",
        "id",
        sqlite_where=text("state = 'usable' AND student IS NOT NULL"),
        postgresql_where=text("state = 'usable' AND student IS NOT NULL"),
    ),
    # Promise I2 across claims and codes of one batch.
    Index(
        "uq_coupons_student_slot",
        "batch_id",
        "student",
        "slot",
        unique=True,
        sqlite_where=text("state <> 'revoked' AND slot IS NOT NULL"),
        postgresql_where=text("state <> 'revoked' AND slot IS NOT NULL"),
    ),
    # How many codes each student has bound: limits are loaded along it, however many claims there are.
    Index(
        "ix_coupons_bound_codes",
        "batch_id",
        "student",
        "slot",
        sqlite_where=text("claim_id IS NULL AND slot IS NOT NULL AND state <> 'revoked'"),
        postgresql_where=text("claim_id IS NULL AND slot IS NOT NULL AND state <> 'revoked'"),
    ),
    Index(
        "ix_coupons_untold_since",
        "untold_since",
        sqlite_where=text("untold_since IS NOT NULL"),
        postgresql_where=text("untold_since IS NOT NULL"),
    ),
    Index(
        "ix_coupons_untold_expiry",
        "valid_until",
        sqlite_where=text("state = 'usable' AND student IS NOT NULL AND expiry_told_at IS NULL"),
        postgresql_where=text(
            "state = 'usable' AND student IS NOT NULL AND expiry_told_at IS NULL"
        ),
    ),
    # Whose codes were typed lately: the rules of audiences count them.
    Index(
        "ix_coupons_bound_at",
        "bound_at",
        "student",
        sqlite_where=text("bound_at IS NOT NULL"),
        postgresql_where=text("bound_at IS NOT NULL"),
    ),
    # Pages of codes. Partial, so that coupons of claims, thousands a second, do not update it.
    Index(
        "ix_coupons_codes",
        "batch_id",
        "id",
        sqlite_where=text("claim_id IS NULL AND issuance_id IS NULL"),
        postgresql_where=text("claim_id IS NULL AND issuance_id IS NULL"),
    ),
    # Promise I10: an issuance gives a student each coupon once.
    Index(
        "uq_coupons_issuance_id",
        "issuance_id",
        "issued_to",
        "part",
        unique=True,
        sqlite_where=text("issuance_id IS NOT NULL"),
        postgresql_where=text("issuance_id IS NOT NULL"),
    ),
)

# Codes that an operator requested: the units are taken from the batch at once, and the codes are made piece
# by piece, by any process that finds some missing.
code_runs = Table(
    "code_runs",
    metadata,
    Column("id", ID, primary_key=True),
    Column("batch_id", ID, ForeignKey("batches.id"), nullable=False),
    Column("source", String(12), nullable=False),  # list link
    Column("quantity", Integer, nullable=False),
    Column("made", Integer, nullable=False, server_default="0"),
    Column("created_by", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("metadata", JSON, nullable=False, server_default="{}"),
    CheckConstraint("quantity > 0", name="quantity_positive"),
    CheckConstraint("made BETWEEN 0 AND quantity", name="made_within_quantity"),
    CheckConstraint("source IN ('list','link')", name="source_known"),
    Index("ix_code_runs_batch_id", "batch_id"),
    Index(
        "ix_code_runs_unfinished",
        "created_at",
        sqlite_where=text("made < quantity"),
        postgresql_where=text("made < quantity"),
    ),
)

# How many coupons of a template with `uses_per_student` a student has on orders, locked or redeemed.
template_uses = Table(
    "template_uses",
    metadata,
    Column("template_id", ID, ForeignKey("templates.id"), nullable=False),
    Column("student", NAME, nullable=False),
    Column("uses", Integer, nullable=False),
    PrimaryKeyConstraint("template_id", "student"),
    CheckConstraint("uses >= 0", name="uses_not_negative"),
)
