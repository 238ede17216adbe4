"""Jobs: work that goes on after the request, and the files that it made.

A server of the version before makes none and drives none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ID = sa.String(40)
NAME = sa.String(64)
_OPEN = sa.text("state IN ('queued','running')")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", ID, primary_key=True),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("subject", NAME, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("lease_until", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("progress", sa.Integer),
        sa.Column("report", sa.JSON),
        sa.Column("error", sa.String(40)),
        sa.Column("created_by", NAME, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("done_at", sa.BigInteger),
        sa.Column("result_name", sa.String(80)),
        sa.Column("result_type", sa.String(80)),
        sa.Column("result_until", sa.BigInteger),
        sa.CheckConstraint("state IN ('queued','running','done','failed')", name="state_known"),
        sa.CheckConstraint(
            "(done_at IS NOT NULL) = (state IN ('done','failed'))", name="done_at_iff_over"
        ),
    )
    op.create_index(
        "ix_jobs_open", "jobs", ["lease_until"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_index("ix_jobs_subject_id", "jobs", ["subject", "id"])
    op.create_index("ix_jobs_done_at", "jobs", ["done_at"])
    op.create_index("ix_jobs_result_until", "jobs", ["result_until"])
    op.create_table(
        "job_files",
        sa.Column("job_id", ID, sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("bytes", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "number"),
    )
