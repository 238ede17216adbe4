"""The task of a drop, who has passed one by what the ledger knows, and who invited whom."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

ID, NAME, HASH = sa.String(40), sa.String(64), sa.String(128)


def upgrade() -> None:
    op.add_column("drops", sa.Column("task", sa.JSON))
    op.create_table(
        "task_passes",
        sa.Column("drop_id", ID, sa.ForeignKey("drops.id"), nullable=False),
        sa.Column("student", NAME, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("told", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("drop_id", "student"),
    )
    op.create_index(
        "ix_task_passes_untold",
        "task_passes",
        ["drop_id"],
        sqlite_where=sa.text("told = 0"),
        postgresql_where=sa.text("NOT told"),
    )
    op.create_index("ix_task_passes_student", "task_passes", ["student"])
    op.create_table(
        "inviters",
        sa.Column("code", ID, primary_key=True),
        sa.Column("drop_id", ID, sa.ForeignKey("drops.id"), nullable=False),
        sa.Column("student", NAME, nullable=False),
        sa.Column("person", HASH),
        sa.Column("device", HASH),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("drop_id", "student"),
    )
    op.create_index("ix_inviters_student", "inviters", ["student"])
    op.create_table(
        "invitations",
        sa.Column("drop_id", ID, sa.ForeignKey("drops.id"), nullable=False),
        sa.Column("student", NAME, nullable=False),
        sa.Column("inviter", NAME, nullable=False),
        sa.Column("person", HASH),
        sa.Column("device", HASH),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("drop_id", "student"),
    )
    op.create_index("ix_invitations_inviter", "invitations", ["drop_id", "inviter"])
    for holder in ("person", "device"):
        op.create_index(
            f"uq_invitations_{holder}",
            "invitations",
            ["drop_id", holder],
            unique=True,
            sqlite_where=sa.text(f"{holder} IS NOT NULL"),
            postgresql_where=sa.text(f"{holder} IS NOT NULL"),
        )
    op.create_index("ix_invitations_student", "invitations", ["student"])
    op.create_index("ix_invitations_by", "invitations", ["inviter"])
