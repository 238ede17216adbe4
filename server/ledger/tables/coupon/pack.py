"""Tables of packs. Rows are never changed or deleted: an operator makes a few of them a month."""

from sqlalchemy import JSON, BigInteger, Column, String, Table

from server.ledger.tables.naming import ID, NAME, metadata

packs = Table(
    "packs",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", String(60), nullable=False),
    Column("items", JSON, nullable=False),  # [{batch_id, count}], or empty
    Column("variants", JSON, nullable=False),  # [{batch_id, rule, audience_id}], or empty
    Column("metadata", JSON, nullable=False),
    Column("created_by", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
