"""The tables of reports: sums by day, and by month or week, rolled up from events."""

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, String, Table

from server.ledger.tables.naming import NAME, metadata

# One sum for each row that a report can have on a day (core/reports/rollup.py). A row stays: a few hundred
# for each batch and day on which something happened, however many coupons that was.
report_sums = Table(
    "report_sums",
    metadata,
    Column("by", String(12), nullable=False),
    Column("room", NAME, nullable=False),  # `*`: all rooms, and what has none
    Column("day", String(10), nullable=False),  # in the school's time zone
    # The row's: an id, a name, an hour as 00 to 23, the empty text for a day. Of a phase: campaign/name.
    Column("value", String(120), nullable=False),
    Column("course", NAME, nullable=False),  # empty where the sum is of no course
    Column("currency", String(3), nullable=False),
    Column("measure", String(24), nullable=False),  # core/reports/measures.py
    Column("sum", BigInteger, nullable=False),
    # In the order in which reports read.
    PrimaryKeyConstraint("by", "room", "measure", "day", "value", "course", "currency"),
)

# The same sums over a month, those of core/reports/measures.STRATA over an ISO week: what a report of many
# days reads (core/reports/spans.py). Hours have none. A row stays.
report_span_sums = Table(
    "report_span_sums",
    metadata,
    Column("by", String(12), nullable=False),
    Column("room", NAME, nullable=False),
    Column("span", String(8), nullable=False),  # 2026-03 or 2026-W09
    Column("value", String(120), nullable=False),
    Column("course", NAME, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("measure", String(24), nullable=False),
    Column("sum", BigInteger, nullable=False),
    PrimaryKeyConstraint("by", "room", "measure", "span", "value", "course", "currency"),
)
