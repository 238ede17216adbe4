"""Tables of events: those that wait for their number, the numbered ones, and the positions of their readers.

Two tables, because readers follow the numbers, and a number can only be given to what is visible: see
decision 0037.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from server.ledger.tables.naming import ID, NAME, metadata

# Inserted in the transaction of what they tell; moved to `events` by the worker that numbers them. Data are
# text, not JSON: thousands are written a second, and nothing asks for a part of them.
unnumbered_events = Table(
    "unnumbered_events",
    metadata,
    # Counts up in the order of insertion. Two transactions that move the same row wait for each other, so
    # this order is right for each subject.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("id", ID, nullable=False),
    Column("type", String(40), nullable=False),  # core/event_types.py
    Column("at", BigInteger, nullable=False),
    Column("subject", NAME, nullable=False),
    Column("student", NAME),  # whose event it is: an export and an erasure find it
    Column("data", Text, nullable=False),
    sqlite_autoincrement=True,  # else a number would be given again once the table is empty
)

# `seq` is 1, 2, 3, … without a gap. Rows leave after CLASSDROP_EVENT_DAYS, oldest first.
events = Table(
    "events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", ID, nullable=False),
    Column("type", String(40), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("subject", NAME, nullable=False),
    Column("student", NAME),
    Column("data", Text, nullable=False),
    Index("ix_events_student_seq", "student", "seq"),
)

# How far each reader has come; the row is also the lease of whoever reads for it (ledger/event_positions.py).
# The reader "numbering" has given the numbers up to `seq`.
event_positions = Table(
    "event_positions",
    metadata,
    Column("reader", NAME, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)
