"""The ledger's tables and the constraints that keep its promises without anybody's help.

Read by every file of this package and by the migrations; nobody else. Each constraint has a test
that tries to break it by SQL (tests/integration/test_ledger_constraints.py).

Instants are BIGINT milliseconds UTC, money BIGINT minor units, JSON what the contract's JSON is.
"""

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = String(40)
NAME = String(64)  # rooms, students, request ids

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
    Column("uses_per_student", Integer),  # null = as often as they like
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
    # Of its campaign, copied for good: claims of a student, and what a coupon takes of its money at
    # most (null: it has no budget).
    Column("per_campaign", Integer),
    Column("greatest_discount", BigInteger),
    Column("version", Integer, nullable=False, server_default="1"),  # of its edits
    ForeignKeyConstraint(
        ["template_id", "template_version"],
        ["template_versions.template_id", "template_versions.version"],
    ),
    # The promise I1 where several drops share a batch: what is allotted is never beyond it.
    CheckConstraint("allotted >= 0", name="allotted_not_negative"),
    CheckConstraint("quantity IS NULL OR allotted <= quantity", name="allotted_within_quantity"),
    CheckConstraint("quantity IS NULL OR quantity > 0", name="quantity_positive"),
    CheckConstraint("per_student >= 1", name="per_student_positive"),
    UniqueConstraint("id", "per_student"),  # what claims refer to: the batch's immutable copy
    Index("ix_batches_template_id", "template_id"),
)

batch_rooms = Table(
    "batch_rooms",
    metadata,
    Column("batch_id", ID, ForeignKey("batches.id"), nullable=False),
    Column("room", NAME, nullable=False),
    Column("quantity", BigInteger),  # the room's share; null = whatever the batch has
    Column("allotted", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("batch_id", "room"),
    CheckConstraint("allotted >= 0", name="allotted_not_negative"),
    CheckConstraint("quantity IS NULL OR allotted <= quantity", name="allotted_within_share"),
    Index("ix_batch_rooms_room", "room"),
)

drops = Table(
    "drops",
    metadata,
    Column("id", ID, primary_key=True),
    Column("room", NAME, nullable=False),
    Column("batch_id", ID, nullable=False),
    Column("per_student", Integer, nullable=False),
    Column("shard", Integer, nullable=False),
    Column("state", String(12), nullable=False),  # prepared opening open closed
    Column("mode", String(8), nullable=False),
    Column("message", String(200), nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("returned", BigInteger, nullable=False, server_default="0"),
    Column("duration_seconds", Integer, nullable=False),
    Column("opens_in_seconds", Integer, nullable=False),
    Column("audience", JSON, nullable=False),  # {"tags": [], "students": []}
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

allotments = Table(
    "allotments",
    metadata,
    Column("id", ID, primary_key=True),
    Column("drop_id", ID, ForeignKey("drops.id"), nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    CheckConstraint("first >= 1 AND first <= last", name="range_not_empty"),
    UniqueConstraint("drop_id", "first"),
    UniqueConstraint("id", "drop_id", "first", "last"),  # what claims refer to
)

claims = Table(
    "claims",
    metadata,
    Column("id", ID, primary_key=True),  # made before the desk decided, so redelivery is a no-op
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
    Column("state", String(12), nullable=False),  # live released revoked
    Column("reason", String(40)),
    Column("won_at", BigInteger, nullable=False),
    Column("confirmed_at", BigInteger, nullable=False),
    ForeignKeyConstraint(
        ["allotment_id", "drop_id", "allotment_first", "allotment_last"],
        ["allotments.id", "allotments.drop_id", "allotments.first", "allotments.last"],
        name="fk_claims_allotment",
    ),
    ForeignKeyConstraint(
        ["batch_id", "per_student"], ["batches.id", "batches.per_student"], name="fk_claims_batch"
    ),
    # I1: unit 501 of 500 has no allotment that it fits in, and unit 7 has one live owner.
    CheckConstraint("unit BETWEEN allotment_first AND allotment_last", name="unit_in_allotment"),
    Index(
        "uq_claims_live_unit",
        "drop_id",
        "unit",
        unique=True,
        sqlite_where=text("state = 'live'"),
        postgresql_where=text("state = 'live'"),
    ),
    # I2: a released claim still counts (or hoarders loop), a revoked one does not.
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
    # A drop's results are counted along this alone, all the time, and among the claims of all drops.
    Index("ix_claims_drop_id_state", "drop_id", "state", "reason"),
    CheckConstraint("state IN ('live','released','revoked')", name="state_known"),
)

coupons = Table(
    "coupons",
    metadata,
    Column("id", ID, primary_key=True),
    Column("code", String(40), nullable=False),
    Column("batch_id", ID, ForeignKey("batches.id"), nullable=False),
    Column("template_id", ID, nullable=False),
    Column("template_version", Integer, nullable=False),
    Column("source", String(12), nullable=False),  # claim list link trigger
    Column("claim_id", ID, ForeignKey("claims.id")),
    Column("drop_id", ID, ForeignKey("drops.id")),  # null where no drop gave it
    Column("student", NAME),  # null = a code nobody has bound yet
    # `expired` is no stored state: it is usable seen after use_by.
    Column("state", String(12), nullable=False),  # usable locked redeemed released revoked voided
    Column("valid_from", BigInteger, nullable=False),
    Column("valid_until", BigInteger, nullable=False),
    Column("hold_until", BigInteger),  # null = no hold
    Column("redemption_id", ID, ForeignKey("redemptions.id")),
    Column("created_at", BigInteger, nullable=False),
    Column("redeemed_at", BigInteger),
    # Where its part of the campaign's budget is: exposed settled returned; null = there is no budget.
    Column("budget", String(8)),
    # Which of the `per_student` of its batch this is: the claim's, or taken when a code is bound.
    Column("slot", Integer),
    Column("bound_at", BigInteger),  # when a student typed the code
    ForeignKeyConstraint(
        ["template_id", "template_version"],
        ["template_versions.template_id", "template_versions.version"],
    ),
    UniqueConstraint("code"),
    UniqueConstraint("claim_id"),
    CheckConstraint("valid_from < valid_until", name="window_not_empty"),
    # I6: on an order exactly while locked or redeemed.
    CheckConstraint(
        "(state IN ('locked','redeemed')) = (redemption_id IS NOT NULL)", name="order_iff_taken"
    ),
    CheckConstraint(
        "state IN ('usable','locked','redeemed','released','revoked','voided')", name="state_known"
    ),
    Index("ix_coupons_student_id", "student", "id"),
    Index("ix_coupons_drop_id_state", "drop_id", "state", "redeemed_at"),
    Index(
        "ix_coupons_hold_until",
        "hold_until",
        sqlite_where=text("state = 'usable' AND hold_until IS NOT NULL AND claim_id IS NOT NULL"),
        postgresql_where=text(
            "state = 'usable' AND hold_until IS NOT NULL AND claim_id IS NOT NULL"
        ),
    ),
    # What expires and gives its part back; a hold gives its unit back by itself.
    Index(
        "ix_coupons_exposed_until",
        "valid_until",
        sqlite_where=text("budget = 'exposed' AND hold_until IS NULL"),
        postgresql_where=text("budget = 'exposed' AND hold_until IS NULL"),
    ),
    # I2 across claims and codes: a batch that is dropped and handed out as codes has one limit.
    Index(
        "uq_coupons_student_slot",
        "batch_id",
        "student",
        "slot",
        unique=True,
        sqlite_where=text("state <> 'revoked' AND slot IS NOT NULL"),
        postgresql_where=text("state <> 'revoked' AND slot IS NOT NULL"),
    ),
    # What no claim gave, a page at a time; claims, thousands a second, do not pay for it.
    Index(
        "ix_coupons_codes",
        "batch_id",
        "id",
        sqlite_where=text("claim_id IS NULL"),
        postgresql_where=text("claim_id IS NULL"),
    ),
)

# Codes that an operator asked for: the units are taken from the batch at once, the codes made piece by
# piece, by whoever finds that some are missing.
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

redemptions = Table(
    "redemptions",
    metadata,
    Column("id", ID, primary_key=True),
    Column("order_id", NAME, nullable=False),
    Column("student", NAME, nullable=False),
    Column("state", String(12), nullable=False),  # locked redeemed cancelled expired
    Column("currency", String(3), nullable=False),
    Column("order", JSON, nullable=False),  # as the school sent it
    Column("subtotal", BigInteger, nullable=False),
    Column("discount", BigInteger, nullable=False),
    Column("payable", BigInteger, nullable=False),
    Column("lines", JSON, nullable=False),  # [{id, discount, payable}]: frozen shares
    Column("expires_at", BigInteger, nullable=False),
    Column("payment_ref", String(200)),
    Column("paid_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("gifts", JSON, nullable=False, server_default="[]"),
    Column("rebates", JSON, nullable=False, server_default="[]"),  # what the payment will earn
    Column("balance", BigInteger, nullable=False, server_default="0"),  # of the discount
    Column("balance_shares", JSON, nullable=False, server_default="{}"),  # {line id: minor units}
    UniqueConstraint("order_id"),
    # I7, as far as a row can see it.
    CheckConstraint(
        "discount >= 0 AND payable >= 0 AND discount + payable = subtotal", name="parts_add_up"
    ),
    CheckConstraint("state IN ('locked','redeemed','cancelled','expired')", name="state_known"),
    Index("ix_redemptions_state_expires_at", "state", "expires_at"),
)

redemption_coupons = Table(
    "redemption_coupons",
    metadata,
    Column("redemption_id", ID, ForeignKey("redemptions.id"), nullable=False),
    Column("coupon_id", ID, ForeignKey("coupons.id"), nullable=False),
    Column("position", Integer, nullable=False),  # order of application
    Column("discount", BigInteger, nullable=False),
    Column("shares", JSON, nullable=False),  # {line id: minor units}
    PrimaryKeyConstraint("redemption_id", "coupon_id"),
    CheckConstraint("discount >= 0", name="discount_not_negative"),
    Index("ix_redemption_coupons_coupon_id", "coupon_id"),
)

# What students have on account from rebates. May be below zero: core/balances.py.
balances = Table(
    "balances",
    metadata,
    Column("student", NAME, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False),
    PrimaryKeyConstraint("student", "currency"),
)

rebates = Table(
    "rebates",
    metadata,
    Column("id", ID, primary_key=True),
    Column("redemption_id", ID, ForeignKey("redemptions.id"), nullable=False),
    Column("coupon_id", ID, ForeignKey("coupons.id"), nullable=False),
    Column("student", NAME, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("shares", JSON, nullable=False),  # {line id: minor units}
    Column("taken_back", BigInteger, nullable=False, server_default="0"),
    Column("state", String(12), nullable=False),  # pending credited
    Column("due_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("redemption_id", "coupon_id"),  # an order earns it once
    CheckConstraint("amount > 0", name="amount_positive"),
    CheckConstraint("taken_back BETWEEN 0 AND amount", name="taken_back_within_amount"),
    CheckConstraint("state IN ('pending','credited')", name="state_known"),
    Index("ix_rebates_state_due_at", "state", "due_at"),
)

balance_entries = Table(
    "balance_entries",
    metadata,
    Column("id", ID, primary_key=True),
    Column("student", NAME, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("kind", String(12), nullable=False),  # rebate spent given_back taken_back
    Column("redemption_id", ID, ForeignKey("redemptions.id")),
    CheckConstraint("amount <> 0", name="amount_not_zero"),
    Index("ix_balance_entries_student_id", "student", "id"),
)

# Who did what, and what became of each coupon: written with what they tell of, never changed (append_only).
acts = Table(
    "acts",
    metadata,
    Column("id", ID, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", NAME, nullable=False),  # the token's subject
    Column("action", String(32), nullable=False),  # core/records.py
    Column("subject", NAME, nullable=False),  # the id of what it was done to
    Column("detail", JSON, nullable=False),
    Index("ix_acts_subject_id", "subject", "id"),
    Index("ix_acts_actor_id", "actor", "id"),
)

coupon_moves = Table(
    "coupon_moves",
    metadata,
    # Counts up: the moves of a millisecond have an order too.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("coupon_id", ID, ForeignKey("coupons.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("event", String(16), nullable=False),
    Column("target", String(12), nullable=False),  # the state it led to
    Column("redemption_id", ID, ForeignKey("redemptions.id")),  # null where no order was part of it
    Index("ix_coupon_moves_coupon_id_number", "coupon_id", "number"),
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

refunds = Table(
    "refunds",
    metadata,
    Column("redemption_id", ID, ForeignKey("redemptions.id"), nullable=False),
    Column("number", Integer, nullable=False),  # 1, 2, …: of two at once one finds its place taken
    Column("refund_id", NAME, nullable=False),
    Column("asked", JSON, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("charged_back", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),  # of this one and all before it
    Column("payable", BigInteger, nullable=False),  # of the order
    Column("lines", JSON, nullable=False),
    Column("coupons", JSON, nullable=False),  # as they were told
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("redemption_id", "number"),
    UniqueConstraint("redemption_id", "refund_id"),
    # I7: never below zero, never more than was paid.
    CheckConstraint("refunded >= 0", name="refunded_not_negative"),
    CheckConstraint("total BETWEEN refunded AND payable", name="total_within_payable"),
)

# What came back of each line, from the order's first refund on.
refunded_lines = Table(
    "refunded_lines",
    metadata,
    Column("redemption_id", ID, ForeignKey("redemptions.id"), nullable=False),
    Column("line_id", NAME, nullable=False),
    Column("payable", BigInteger, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("returned", Integer, nullable=False),
    PrimaryKeyConstraint("redemption_id", "line_id"),
    CheckConstraint("refunded BETWEEN 0 AND payable", name="refunded_within_payable"),
    CheckConstraint("returned BETWEEN 0 AND quantity", name="returned_within_quantity"),
)

intents = Table(
    "intents",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", String(12), nullable=False),  # open top_up extend close release revoke
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

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("subject", NAME, nullable=False),
    Column("path", String(200), nullable=False),
    Column("key", String(255), nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("resource_id", ID, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("subject", "path", "key"),
    Index("ix_idempotency_keys_created_at", "created_at"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("claim_id", ID, primary_key=True),
    Column("shard", Integer, nullable=False),
    Column("entry_id", String(40), nullable=False),
    Column("entry", JSON, nullable=False),
    Column("error", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

# One row a desk shard. Transactions that move claims take it shared, a rebuild exclusively: what a
# rebuild reads is then everything that was ever committed, and nothing slips in behind its back.
desks = Table(
    "desks",
    metadata,
    Column("shard", Integer, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("rebuilt_at", BigInteger),
)

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
    CheckConstraint("starts_at < ends_at", name="window_not_empty"),
    CheckConstraint("per_student >= 1", name="per_student_positive"),
    UniqueConstraint("id", "per_student"),  # what its claims refer to: the immutable copy
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

# Once for each level, however often it is passed again; `told_at`: in the log, and counted.
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

# I2 over all batches of a campaign with a limit, over claims and bound codes. A revoked claim has no row
# here; a released one counts, and so does a voided code.
campaign_claims = Table(
    "campaign_claims",
    metadata,
    Column("campaign_id", ID, nullable=False),
    Column("student", NAME, nullable=False),
    Column("slot", Integer, nullable=False),
    Column("per_student", Integer, nullable=False),
    Column("claim_id", ID, ForeignKey("claims.id")),
    Column("coupon_id", ID, ForeignKey("coupons.id")),  # of a code, which no claim gave
    ForeignKeyConstraint(["campaign_id", "per_student"], ["campaigns.id", "campaigns.per_student"]),
    PrimaryKeyConstraint("campaign_id", "student", "slot"),
    UniqueConstraint("claim_id"),
    UniqueConstraint("coupon_id"),
    CheckConstraint("slot BETWEEN 1 AND per_student", name="slot_within_limit"),
    CheckConstraint("(claim_id IS NULL) <> (coupon_id IS NULL)", name="claim_or_code"),
)

# What may not be claimed or used now: `all`, a campaign or a batch. The version of `all` is raised with
# every change of any row: which state of this table a desk has been told.
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


def append_only(table: str, dialect: str) -> tuple[str, ...]:
    """The statements that make the rows of a table unchangeable."""
    if dialect == "sqlite":
        return tuple(
            f"CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for verb in ("UPDATE", "DELETE")
        )
    return (
        f"CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE integrity_constraint_violation USING MESSAGE = '{table} is append-only'; "
        "END $$",
        f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_is_append_only()",
    )


for _table in (acts, coupon_moves, balance_entries):
    for _dialect in ("sqlite", "postgresql"):
        for _statement in append_only(_table.name, _dialect):
            _trigger = DDL(_statement)  # type: ignore[no-untyped-call]
            event.listen(_table, "after_create", _trigger.execute_if(dialect=_dialect))
