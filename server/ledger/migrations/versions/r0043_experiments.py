"""Experiments: variants, and who was exposed to which.

A server of the version before gives coupons of a batch in an experiment to everybody.
"""

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    text,
)

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "experiments",
        Column("id", String(40), primary_key=True),
        Column("name", String(60), nullable=False),
        Column("state", String(8), nullable=False),
        Column("hold_out", Integer, nullable=False),
        Column("currency", String(3), nullable=False),
        Column("metadata", JSON, nullable=False),
        Column("created_by", String(64), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("ended_at", BigInteger),
        Column("result", JSON),
        CheckConstraint("state IN ('running','ended')", name="state_known"),
        CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_at_iff_ended"),
        CheckConstraint("hold_out BETWEEN 0 AND 90", name="hold_out_within_90"),
        Index("ix_experiments_ended_at", "ended_at"),
    )
    op.create_table(
        "experiment_variants",
        Column("experiment_id", String(40), ForeignKey("experiments.id"), nullable=False),
        Column("number", Integer, nullable=False),
        Column("batch_id", String(40), ForeignKey("batches.id"), nullable=False),
        Column("share", Integer, nullable=False),
        Column("running", Boolean, nullable=False),
        PrimaryKeyConstraint("experiment_id", "number"),
        CheckConstraint("share BETWEEN 1 AND 100", name="share_within_100"),
        Index(
            "uq_experiment_variants_batch_id",
            "batch_id",
            unique=True,
            sqlite_where=text("running"),
            postgresql_where=text("running"),
        ),
    )
    op.create_table(
        "exposures",
        Column("experiment_id", String(40), ForeignKey("experiments.id"), nullable=False),
        Column("student", String(64), nullable=False),
        Column("variant", Integer, nullable=False),
        Column("exposed_at", BigInteger, nullable=False),
        PrimaryKeyConstraint("experiment_id", "student"),
        CheckConstraint("variant >= -1", name="variant_known"),
        Index("ix_exposures_student", "student"),
    )
