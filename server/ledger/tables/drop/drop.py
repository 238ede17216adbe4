"""Tables of drops: drops, their allotments of units, claims, and dead letters."""

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
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from server.ledger.tables.naming import ID, NAME, metadata

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
    Column("task", JSON(none_as_null=True)),  # core/drops/tasks.py
    Column("ends", String(8), nullable=False, server_default="duration"),  # duration clock hand
    Column("ends_at", BigInteger),
    Column("openings", Integer, nullable=False, server_default="1"),
    Column("rehearsal", Boolean, nullable=False, server_default=false()),
    # Counts the moves of a link's window; the desk keeps the newest.
    Column("window_version", Integer, nullable=False, server_default="0"),
    Column("drawing_at", BigInteger),  # a draw: when the desk closed it
    Column("show_winners", Boolean, nullable=False, server_default=false()),
    ForeignKeyConstraint(["batch_id", "per_student"], ["batches.id", "batches.per_student"]),
    CheckConstraint("quantity > 0", name="quantity_positive"),
    CheckConstraint("returned >= 0 AND returned <= quantity", name="returned_within_quantity"),
    CheckConstraint("state IN ('prepared','opening','open','closed')", name="state_known"),
    Index("ix_drops_room_id", "room", "id"),
    Index("ix_drops_state_closes_at", "state", "closes_at"),
    # Drops that closed lately, and whether a batch has drops, without reading all drops.
    Index("ix_drops_closed_at", "closed_at"),
    Index("ix_drops_batch_id", "batch_id"),
    # Drops of an instructor who is stopped.
    Index(
        "ix_drops_created_by",
        "created_by",
        "id",
        sqlite_where=text("state <> 'closed'"),
        postgresql_where=text("state <> 'closed'"),
    ),
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
    UniqueConstraint("id", "drop_id", "first", "last"),  # claims refer to these
)

claims = Table(
    "claims",
    metadata,
    Column("id", ID, primary_key=True),  # made before the script runs, so redelivery is a no-op
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
    # Promise I1: a unit beyond the stock fits in no allotment, and a unit has at most one live claim.
    CheckConstraint("unit BETWEEN allotment_first AND allotment_last", name="unit_in_allotment"),
    Index(
        "uq_claims_live_unit",
        "drop_id",
        "unit",
        unique=True,
        sqlite_where=text("state = 'live'"),
        postgresql_where=text("state = 'live'"),
    ),
    # Promise I2: a released claim still counts against the limit, a revoked one does not.
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
    # Covers the counts of a drop's results, which are polled.
    Index("ix_claims_drop_id_state", "drop_id", "state", "reason"),
    CheckConstraint("state IN ('live','released','revoked')", name="state_known"),
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
