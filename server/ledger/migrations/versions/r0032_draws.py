"""Draws: what is committed and sealed of each, and the entries.

A server of the version before makes no draws.
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

ID, NAME, HASH, DIGITS = sa.String(40), sa.String(64), sa.String(128), sa.String(64)


def upgrade() -> None:
    op.add_column("drops", sa.Column("drawing_at", sa.BigInteger))
    _draws()
    _entries()


def _draws() -> None:
    op.create_table(
        "draws",
        sa.Column("drop_id", ID, sa.ForeignKey("drops.id"), primary_key=True),
        sa.Column("seed", DIGITS, nullable=False),
        sa.Column("commitment", DIGITS, nullable=False),
        sa.Column("root", DIGITS),
        sa.Column("entries", sa.Integer),
        sa.Column("units", sa.BigInteger),
        sa.Column("sealed_at", sa.BigInteger),
        sa.Column("drawn_at", sa.BigInteger),
        sa.Column("aborted_at", sa.BigInteger),
        sa.Column("abort_reason", sa.String(200)),
        sa.Column("refill_at", sa.BigInteger),
        sa.CheckConstraint(
            "(sealed_at IS NULL) = (root IS NULL) AND (sealed_at IS NULL) = (entries IS NULL) "
            "AND (sealed_at IS NULL) = (units IS NULL)",
            name="sealed_as_a_whole",
        ),
        sa.CheckConstraint(
            "drawn_at IS NULL OR (sealed_at IS NOT NULL AND aborted_at IS NULL)",
            name="drawn_after_the_seal",
        ),
    )
    op.create_index(
        "ix_draws_refill_at",
        "draws",
        ["refill_at"],
        sqlite_where=sa.text("refill_at IS NOT NULL"),
        postgresql_where=sa.text("refill_at IS NOT NULL"),
    )


def _entries() -> None:
    op.create_table(
        "draw_entries",
        sa.Column("drop_id", ID, sa.ForeignKey("draws.drop_id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("student", NAME, nullable=False),
        sa.Column("claim_id", ID, nullable=False),
        sa.Column("request_id", NAME, nullable=False),
        sa.Column("pseudonym", sa.String(32), nullable=False),
        sa.Column("client_random", sa.String(32), nullable=False),
        sa.Column("person", HASH, nullable=False),
        sa.Column("device", HASH, nullable=False),
        sa.Column("leaf", DIGITS, nullable=False),
        sa.Column("entered_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("drop_id", "student"),
        sa.UniqueConstraint("claim_id"),
        sa.CheckConstraint("number >= 0", name="number_from_zero"),
    )
    op.create_index("ix_draw_entries_student", "draw_entries", ["student"])
