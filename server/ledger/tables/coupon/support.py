"""The table of support's coupons: how many a person of support gave on their latest day."""

from sqlalchemy import CheckConstraint, Column, Integer, String, Table

from server.ledger.tables.naming import NAME, metadata

# One row for each person who works at the help desk, however long they do.
support_days = Table(
    "support_days",
    metadata,
    Column("subject", NAME, primary_key=True),  # of the token
    Column("day", String(10), nullable=False),  # in the school's time zone
    Column("coupons", Integer, nullable=False),
    CheckConstraint("coupons > 0", name="coupons_positive"),
)
