"""The table of alerts: what somebody must look at, kept for 90 days after it has ended."""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table, text

from server.ledger.tables.naming import ID, NAME, metadata

alerts = Table(
    "alerts",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", String(16), nullable=False),  # core.alerts.alerts.AlertKind
    Column("subject", ID, nullable=False),
    Column("level", Integer, nullable=False),
    Column("facts", JSON, nullable=False),  # the other fields of core.alerts.alerts.Fault
    Column("raised_at", BigInteger, nullable=False),
    Column("dismissed_by", NAME),
    Column("ended_at", BigInteger),
    Column("ended_by", NAME),  # null = by itself
    # While an act of an operator is carried out no second one begins.
    Column("acting_until", BigInteger, nullable=False, server_default="0"),
    # One alert of a kind for a subject, however many workers look.
    Index(
        "uq_alerts_kind_subject",
        "kind",
        "subject",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index("ix_alerts_ended_at_id", "ended_at", "id"),
)
