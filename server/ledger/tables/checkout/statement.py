"""Tables of statements: their lines, and the days that are sealed.

Lines are written by the reader of the events of payments and refunds, in the order of events. Nothing about
them changes afterwards; the database refuses it. They name no student.
"""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, PrimaryKeyConstraint, String, Table

from server.ledger.tables.append_only import keep_rows
from server.ledger.tables.naming import ID, NAME, metadata

DAY = String(10)  # as in 2026-03-01, in the school's time zone

statement_lines = Table(
    "statement_lines",
    metadata,
    Column("seq", BigInteger, nullable=False),  # of the event that it was made of
    Column("part", Integer, nullable=False),  # 0, 1, 2, … of the event's lines
    Column("date", DAY, nullable=False),
    Column("kind", String(12), nullable=False),
    Column("order", NAME, nullable=False),
    Column("line", NAME),
    Column("course", NAME),
    Column("currency", String(3), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("list_price", BigInteger),
    Column("sale_price", BigInteger),
    Column("code", String(64)),
    Column("coupon", ID),
    Column("template", ID),
    Column("version", Integer),
    Column("campaign", ID),
    Column("batch", ID),
    Column("channel", NAME),
    Column("drop", ID),
    Column("room", NAME),
    Column("instructor", NAME),
    Column("share", BigInteger, nullable=False),
    Column("paid", BigInteger, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("payment_ref", String(200)),
    Column("refund", NAME),
    Column("for_date", DAY),
    PrimaryKeyConstraint("seq", "part"),
    # A day's lines in their order, for its seal and for exports.
    Index("ix_statement_lines_date", "date", "seq", "part"),
    Index("ix_statement_lines_order", "order"),
)
keep_rows(statement_lines)

# A row is made when its day is closed to further lines; seal and totals follow as soon as they are computed.
statement_days = Table(
    "statement_days",
    metadata,
    Column("date", DAY, primary_key=True),
    Column("closed_at", BigInteger, nullable=False),
    Column("sealed_at", BigInteger),
    Column("lines", BigInteger),
    Column("totals", JSON),  # {currency: {share, paid, refunded}}
    Column("sha256", String(64)),
    Column("prev_sha256", String(64)),
)
