"""Tables of messages to students, and of the reminders that were asked for."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from server.ledger.tables.naming import ID, NAME, metadata

_WAITING = text("state IN ('queued','held')")

# One row for each message and channel. A worker deletes it 90 days after it was made, sent or not.
messages = Table(
    "messages",
    metadata,
    Column("id", ID, primary_key=True),
    # The same for all channels of one message, which count once against the cap on messages.
    Column("cap_key", ID, nullable=False),
    # A second message with the same value is not stored: the id itself, or the sender's text and the channel.
    Column("once", String(100), nullable=False),
    Column("student", NAME, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("channel", String(8), nullable=False),
    Column("text", String(200)),  # null = the client's own text of this kind
    Column("data", Text, nullable=False),  # JSON object, as the frame has it
    Column("coupon_id", ID),  # not sent once this coupon cannot be used
    Column("url", Text),
    Column("cause", ID),  # what asked for it, such as an issuance
    Column("transactional", Boolean, nullable=False),
    Column("state", String(10), nullable=False),
    Column("reason", String(40)),  # why it is held, failed or cancelled
    Column("created_at", BigInteger, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column(
        "lease_until", BigInteger, nullable=False, server_default="0"
    ),  # a worker sends it until then
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("counted_at", BigInteger),  # since when it counts against the cap; null = it does not
    Column("sent_at", BigInteger),
    UniqueConstraint("once"),
    CheckConstraint(
        "state IN ('queued','held','sent','failed','expired','cancelled')", name="state_known"
    ),
    CheckConstraint("channel IN ('in_app','webhook','email')", name="channel_known"),
    CheckConstraint("not_before <= expires_at", name="life_not_negative"),
    Index(
        "ix_messages_due",
        "channel",
        "not_before",
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    ),
    Index("ix_messages_student_id", "student", "id"),
    # The cap: what a student was sent lately.
    Index(
        "ix_messages_counted",
        "student",
        "counted_at",
        sqlite_where=text("counted_at IS NOT NULL"),
        postgresql_where=text("counted_at IS NOT NULL"),
    ),
    Index("ix_messages_state_id", "state", "id"),
    Index("ix_messages_cause_state", "cause", "state"),
    Index("ix_messages_created_at", "created_at"),
)

# How far reminders have come: all coupons that end until then were looked at, in the order of (end, id).
reminder_positions = Table(
    "reminder_positions",
    metadata,
    Column("hours", Integer, primary_key=True, autoincrement=False),  # before the coupon's end
    Column("until", BigInteger, nullable=False),
    Column("coupon_id", ID, nullable=False),
)
