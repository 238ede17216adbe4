"""The table of links. Rows are kept, as those of drops are: an operator makes some a week."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)

from server.ledger.tables.naming import ID, NAME, metadata

links = Table(
    "links",
    metadata,
    Column("id", ID, primary_key=True),
    Column("slug", String(16), nullable=False),
    Column("batch_id", ID, ForeignKey("batches.id"), nullable=False),
    Column("drop_id", ID, ForeignKey("drops.id"), nullable=False),
    Column("channel", String(64), nullable=False),
    Column("note", String(200), nullable=False),
    Column("opens_at", BigInteger, nullable=False),
    Column("closes_at", BigInteger, nullable=False),
    Column("paused_from", BigInteger),
    Column("opened", BigInteger, nullable=False, server_default="0"),
    Column("metadata", JSON, nullable=False),
    Column("created_by", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("prompt", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("slug"),
    UniqueConstraint("drop_id"),
    Index("ix_links_batch_id_id", "batch_id", "id"),
    Index("ix_links_prompt", "id", sqlite_where=text("prompt"), postgresql_where=text("prompt")),
)
