"""Tables of access: who is blocked, which tokens are revoked, which instructors are stopped."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)

from server.ledger.tables.naming import ID, NAME, metadata

_IN_FORCE = text("ended_at IS NULL")

# Rules that are over are deleted after a while (ledger/access/rules.py); acts keep who made and ended them.
access_rules = Table(
    "access_rules",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", String(12), nullable=False),  # core/access/rules.RuleKind
    Column("value", String(200), nullable=False),
    Column("reason", String(200), nullable=False),
    Column("created_by", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("made_before", BigInteger),  # of a revocation: tokens made from then on are good
    Column("until", BigInteger),  # null = until somebody ends it
    Column("ended_by", NAME),
    Column("ended_at", BigInteger),
    Column("version", BigInteger, nullable=False),  # of all rules, at the last change of this one
    Column("metadata", JSON, nullable=False, server_default="{}"),
    CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by_somebody"),
    # One at a time: a new one ends the one before.
    Index(
        "uq_access_rules_in_force",
        "kind",
        "value",
        unique=True,
        sqlite_where=_IN_FORCE,
        postgresql_where=_IN_FORCE,
    ),
    Index("ix_access_rules_version_id", "version", "id"),  # what a process has not read yet
    Index("ix_access_rules_kind_id", "kind", "id"),  # lists
    Index("ix_access_rules_ended_at", "ended_at"),
    Index("ix_access_rules_until", "until"),
)

# One row. Each change of a rule raises it first, and so waits for that row: whoever has read a version has
# read all changes up to it.
access_version = Table(
    "access_version",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
)

# Subjects that have points now, or had some lately. Computed again each minute; a row that is not seen again
# is deleted after a week.
watched = Table(
    "watched",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", String(12), nullable=False),  # core/access/watch.Watched
    Column("value", String(200), nullable=False),
    Column("points", Integer, nullable=False),
    Column("level", String(8), nullable=False),  # watch slow block
    Column("reasons", JSON, nullable=False),  # [{signal, count, points, of?, usual_percent?}]
    Column("first_seen_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    UniqueConstraint("kind", "value"),
    Index("ix_watched_seen_at", "seen_at"),
)

# One row: when a worker looked last, so that of many workers one looks each minute.
watch_turns = Table(
    "watch_turns",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("looked_at", BigInteger, nullable=False),
)

# Codes that students typed and that are not theirs to have, by the hour; kept for a day.
wrong_codes = Table(
    "wrong_codes",
    metadata,
    Column("student", NAME, nullable=False),
    Column("hour", BigInteger, nullable=False),  # ms: its beginning
    Column("count", Integer, nullable=False),
    PrimaryKeyConstraint("student", "hour"),
    Index("ix_wrong_codes_hour", "hour"),
)
