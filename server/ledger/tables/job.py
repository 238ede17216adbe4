"""Tables of jobs: work that goes on after the request, and the files that it made."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    text,
)

from server.ledger.tables.naming import ID, NAME, metadata

_OPEN = text("state IN ('queued','running')")

# A worker deletes a job 30 days after it was done.
jobs = Table(
    "jobs",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", String(12), nullable=False),
    Column("subject", NAME, nullable=False),  # the id of what it works on: a student
    Column("detail", JSON, nullable=False),
    Column("state", String(8), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # A worker drives it until then, and makes it later while it does.
    Column("lease_until", BigInteger, nullable=False, server_default="0"),
    Column("progress", Integer),  # percent
    Column("report", JSON),
    Column("error", String(40)),
    Column("created_by", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("done_at", BigInteger),
    Column("result_name", String(80)),
    Column("result_type", String(80)),
    Column("result_until", BigInteger),  # the file is deleted then
    CheckConstraint("state IN ('queued','running','done','failed')", name="state_known"),
    CheckConstraint(
        "(done_at IS NOT NULL) = (state IN ('done','failed'))", name="done_at_iff_over"
    ),
    Index("ix_jobs_open", "lease_until", sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("ix_jobs_subject_id", "subject", "id"),
    Index("ix_jobs_done_at", "done_at"),
    Index("ix_jobs_result_until", "result_until"),
)

# The file that a job made, in pieces: any web process can send it, on whichever machine it runs.
job_files = Table(
    "job_files",
    metadata,
    Column("job_id", ID, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),  # 0, 1, …
    Column("bytes", LargeBinary, nullable=False),
    PrimaryKeyConstraint("job_id", "number"),
)
