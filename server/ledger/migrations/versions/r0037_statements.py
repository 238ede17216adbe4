"""Statements: the lines that finance books, and the days that are sealed.

Payments and refunds from before have no lines: their events are not told again.
"""

from alembic import op
from sqlalchemy import JSON, BigInteger, Column, Integer, PrimaryKeyConstraint, String

from server.ledger.tables.append_only import append_only

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

ID, NAME, DAY = String(40), String(64), String(10)


def upgrade() -> None:
    op.create_table(
        "statement_lines",
        Column("seq", BigInteger, nullable=False),
        Column("part", Integer, nullable=False),
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
    )
    op.create_index("ix_statement_lines_date", "statement_lines", ["date", "seq", "part"])
    op.create_index("ix_statement_lines_order", "statement_lines", ["order"])
    op.create_table(
        "statement_days",
        Column("date", DAY, primary_key=True),
        Column("closed_at", BigInteger, nullable=False),
        Column("sealed_at", BigInteger),
        Column("lines", BigInteger),
        Column("totals", JSON),
        Column("sha256", String(64)),
        Column("prev_sha256", String(64)),
    )
    for statement in append_only("statement_lines", op.get_bind().dialect.name):
        op.execute(statement)
