"""Limits for each person and each device of a batch, and the slots that count them.

A batch of before gets the limit of its students as that of its persons; what was claimed before counts for
no person. A batch that a server of the version before makes counts no persons.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

ID, NAME, HASH = sa.String(40), sa.String(64), sa.String(128)


def upgrade() -> None:
    for most in ("per_person", "per_device"):
        op.add_column("batches", sa.Column(most, sa.Integer))
        op.create_index(f"uq_batches_id_{most}", "batches", ["id", most], unique=True)
    op.execute("UPDATE batches SET per_person = per_student")
    for holder in ("person", "device"):
        _slots(holder, f"per_{holder}")
    op.create_table(
        "student_persons",
        sa.Column("student", NAME, primary_key=True),
        sa.Column("person", HASH, nullable=False),
        sa.Column("known_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_student_persons_person", "student_persons", ["person"])


def _slots(holder: str, most: str) -> None:
    op.create_table(
        f"{holder}_slots",
        sa.Column("batch_id", ID, nullable=False),
        sa.Column(holder, HASH, nullable=False),
        sa.Column("slot", sa.Integer, nullable=False),
        sa.Column(most, sa.Integer, nullable=False),
        sa.Column("claim_id", ID, sa.ForeignKey("claims.id")),
        sa.Column("coupon_id", ID, sa.ForeignKey("coupons.id")),
        sa.ForeignKeyConstraint(["batch_id", most], ["batches.id", f"batches.{most}"]),
        sa.PrimaryKeyConstraint("batch_id", holder, "slot"),
        sa.UniqueConstraint("claim_id"),
        sa.UniqueConstraint("coupon_id"),
        sa.CheckConstraint(f"slot BETWEEN 1 AND {most}", name="slot_within_limit"),
        sa.CheckConstraint("(claim_id IS NULL) <> (coupon_id IS NULL)", name="claim_or_coupon"),
    )
