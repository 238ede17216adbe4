"""Tables of experiments: their variants, and who was exposed to which."""

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
    Table,
    text,
)

from server.ledger.tables.naming import ID, NAME, metadata

# Rows stay: an operator makes a few a month.
experiments = Table(
    "experiments",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", String(60), nullable=False),
    Column("state", String(8), nullable=False),  # running ended
    Column("hold_out", Integer, nullable=False),  # percent
    Column("currency", String(3), nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("created_by", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    # The sums by group, once the rows of `exposures` are deleted; null before.
    Column("result", JSON(none_as_null=True)),
    CheckConstraint("state IN ('running','ended')", name="state_known"),
    CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_at_iff_ended"),
    CheckConstraint("hold_out BETWEEN 0 AND 90", name="hold_out_within_90"),
    Index("ix_experiments_ended_at", "ended_at"),
)

experiment_variants = Table(
    "experiment_variants",
    metadata,
    Column("experiment_id", ID, ForeignKey("experiments.id"), nullable=False),
    Column("number", Integer, nullable=False),  # from 0
    Column("batch_id", ID, ForeignKey("batches.id"), nullable=False),
    Column("share", Integer, nullable=False),  # percent
    Column("running", Boolean, nullable=False),  # as its experiment
    PrimaryKeyConstraint("experiment_id", "number"),
    CheckConstraint("share BETWEEN 1 AND 100", name="share_within_100"),
    # A batch has the split of one experiment.
    Index(
        "uq_experiment_variants_batch_id",
        "batch_id",
        unique=True,
        sqlite_where=text("running"),
        postgresql_where=text("running"),
    ),
)

# One row for each student whom an experiment has reached, until 400 days after its end.
exposures = Table(
    "exposures",
    metadata,
    Column("experiment_id", ID, ForeignKey("experiments.id"), nullable=False),
    Column("student", NAME, nullable=False),
    Column("variant", Integer, nullable=False),  # number of the variant; -1 = held out
    Column("exposed_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("experiment_id", "student"),
    CheckConstraint("variant >= -1", name="variant_known"),
    Index("ix_exposures_student", "student"),  # erasures and merges of accounts
)
