"""Receipts: the seals of closed drops. Drops that were closed before have none.

A server of the version before closes drops without asking for a seal.
"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Text,
)

from server.ledger.tables.append_only import append_only

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

ID = String(40)


def upgrade() -> None:
    op.create_table(
        "seals_due",
        Column("drop_id", ID, ForeignKey("drops.id"), primary_key=True),
        Column("due_at", BigInteger, nullable=False),
    )
    op.create_table(
        "drop_seals",
        Column("drop_id", ID, ForeignKey("drops.id"), primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("root", String(64), nullable=False),
        Column("count", BigInteger, nullable=False),
        Column("stock", BigInteger, nullable=False),
        Column("came_back", BigInteger, nullable=False),
        Column("closed_at", BigInteger, nullable=False),
        Column("seal", String(64), nullable=False),
        Column("sealed_at", BigInteger, nullable=False),
        Column("key", LargeBinary, nullable=False),
        Column("leaves", LargeBinary, nullable=False),
        Column("claims", Text, nullable=False),
        CheckConstraint("count >= 0 AND count <= stock", name="count_within_stock"),
    )
    for statement in append_only("drop_seals", op.get_bind().dialect.name):
        op.execute(statement)
