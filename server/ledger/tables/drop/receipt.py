"""Tables of receipts: drops that wait for their seal, and the seals.

A drop that is reopened is sealed again at its next close, with the next number. A seal is kept for ever, as
the drop is; the database refuses to change or delete it. A row of `seals_due` is
deleted with the seal.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from server.ledger.tables.append_only import keep_rows
from server.ledger.tables.naming import ID, metadata

seals_due = Table(
    "seals_due",
    metadata,
    Column("drop_id", ID, ForeignKey("drops.id"), primary_key=True),
    Column("due_at", BigInteger, nullable=False),
)

drop_seals = Table(
    "drop_seals",
    metadata,
    Column("drop_id", ID, ForeignKey("drops.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("root", String(64), nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("stock", BigInteger, nullable=False),
    Column("came_back", BigInteger, nullable=False),
    Column("closed_at", BigInteger, nullable=False),
    Column("seal", String(64), nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
    Column("key", LargeBinary, nullable=False),  # of the pseudonyms; told to nobody
    Column("leaves", LargeBinary, nullable=False),  # 32 bytes each, in their order
    Column(
        "claims", Text, nullable=False
    ),  # the id and turn of each claim in the same order, one a line
    Column("given_again", BigInteger, nullable=False, server_default="0"),
    Column("previous", String(64)),  # the seal of the close before
    CheckConstraint("count >= 0 AND count <= stock", name="count_within_stock"),
)
keep_rows(drop_seals)
