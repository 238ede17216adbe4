"""Tables of draws: what is committed and sealed of each, and its entries. Kept for ever: they are the
proof."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    text,
)

from server.ledger.tables.naming import HASH, ID, NAME, metadata

draws = Table(
    "draws",
    metadata,
    Column("drop_id", ID, ForeignKey("drops.id"), primary_key=True),
    Column("seed", String(64), nullable=False),  # secret until it is drawn or aborted
    Column("commitment", String(64), nullable=False),
    Column("root", String(64)),
    Column("entries", Integer),
    Column("units", BigInteger),
    Column("sealed_at", BigInteger),
    Column("drawn_at", BigInteger),
    Column("aborted_at", BigInteger),
    Column("abort_reason", String(200)),
    Column("refill_at", BigInteger),  # units came back after the end: the reserve gets them
    CheckConstraint(
        "(sealed_at IS NULL) = (root IS NULL) AND (sealed_at IS NULL) = (entries IS NULL) "
        "AND (sealed_at IS NULL) = (units IS NULL)",
        name="sealed_as_a_whole",
    ),
    CheckConstraint(
        "drawn_at IS NULL OR (sealed_at IS NOT NULL AND aborted_at IS NULL)",
        name="drawn_after_the_seal",
    ),
    Index(
        "ix_draws_refill_at",
        "refill_at",
        sqlite_where=text("refill_at IS NOT NULL"),
        postgresql_where=text("refill_at IS NOT NULL"),
    ),
)

draw_entries = Table(
    "draw_entries",
    metadata,
    Column("drop_id", ID, ForeignKey("draws.drop_id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 0, in order of entry
    Column("student", NAME, nullable=False),
    Column("claim_id", ID, nullable=False),  # of the claim, should the entry win
    Column("request_id", NAME, nullable=False),
    Column("pseudonym", String(32), nullable=False),
    Column("client_random", String(32), nullable=False),
    Column("person", HASH, nullable=False),
    Column("device", HASH, nullable=False),
    Column("leaf", String(64), nullable=False),
    Column("entered_at", BigInteger, nullable=False),
    UniqueConstraint("drop_id", "student"),
    UniqueConstraint("claim_id"),
    CheckConstraint("number >= 0", name="number_from_zero"),
    Index("ix_draw_entries_student", "student"),
)
