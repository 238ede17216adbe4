"""The list of erasures: who was erased, as a hash, and what stands in their place."""

from sqlalchemy import BigInteger, Column, Index, String, Table, text

from server.ledger.tables.naming import ID, NAME, metadata

_OPEN = text("done_at IS NULL")

# Kept for ever: after a restore of an older copy the ids in it are erased again (`doctor`). While a row is
# open, the names in append-only rows may be replaced (append_only.py).
erasures = Table(
    "erasures",
    metadata,
    Column("id", ID, primary_key=True),
    Column("student_hash", String(64), nullable=False),  # core/students/erasure.keyed_hash
    Column("key_name", String(12), nullable=False),  # of the key that the hash was made with
    Column("pseudonym", NAME, nullable=False),
    Column("asked_by", NAME, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("done_at", BigInteger),
    Index("uq_erasures_pseudonym", "pseudonym", unique=True),
    Index("ix_erasures_student_hash", "student_hash"),
    Index("ix_erasures_open", "asked_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
)
