"""Tables of triggers: a trigger with its versions, and what it has fired.

A firing is kept as long as its trigger may fire, and 400 days longer: it says which events have had their
coupon, and how many a student has had.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from server.ledger.tables.naming import ID, NAME, metadata

triggers = Table(
    "triggers",
    metadata,
    Column("id", ID, primary_key=True),
    Column("version", Integer, nullable=False),  # the current one
    Column("state", String(8), nullable=False),  # draft active paused ended
    Column("fired", Integer, nullable=False, server_default="0"),
    # Numbers of the event log: it hears of what is behind `live_from`.
    Column("live_from", BigInteger, nullable=False, server_default="0"),
    Column("catch_up_from", BigInteger),
    Column("paused_seq", BigInteger),
    Column("ended_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    CheckConstraint("state IN ('draft','active','paused','ended')", name="state_known"),
    Index("ix_triggers_state", "state"),
)

trigger_versions = Table(
    "trigger_versions",
    metadata,
    Column("trigger_id", ID, ForeignKey("triggers.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("form", JSON, nullable=False),  # the fields of core.events.triggers.TriggerForm
    Column("created_by", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("trigger_id", "version"),
)

# Each event fires a trigger once, and each of a student's firings has its number.
trigger_firings = Table(
    "trigger_firings",
    metadata,
    Column("trigger_id", ID, ForeignKey("triggers.id"), nullable=False),
    Column("event_id", ID, nullable=False),  # of the event log
    Column("student", NAME, nullable=False),
    Column("n", Integer, nullable=False),  # which firing of this student
    Column("version", Integer, nullable=False),  # of the trigger
    Column("issuance_id", ID, ForeignKey("issuances.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("trigger_id", "event_id"),
    UniqueConstraint("trigger_id", "student", "n"),
    Index("ix_trigger_firings_student", "student"),
    Index("ix_trigger_firings_issuance_id", "issuance_id"),
)

trigger_days = Table(
    "trigger_days",
    metadata,
    Column("trigger_id", ID, ForeignKey("triggers.id"), nullable=False),
    Column("day", Integer, nullable=False),  # the number of the school's date
    Column("fired", Integer, nullable=False),
    PrimaryKeyConstraint("trigger_id", "day"),
)
