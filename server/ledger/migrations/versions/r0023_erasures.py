"""Erasures, and reminders before a coupon ends.

Append-only rows let an open erasure replace the names in them. A server of the version before erases nobody
and reminds nobody.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

ID = sa.String(40)
NAME = sa.String(64)
_OPEN = sa.text("done_at IS NULL")
_USABLE = sa.text("state = 'usable' AND student IS NOT NULL")
_KEPT = {
    "acts": ("id", "at", "action"),
    "balance_entries": ("id", "currency", "at", "amount", "kind", "redemption_id"),
}


def upgrade() -> None:
    _erasures()
    for table, kept in _KEPT.items():
        for statement in _append_only(table, kept, op.get_bind().dialect.name):
            op.execute(statement)
    op.create_index("ix_redemptions_student_id", "redemptions", ["student", "id"])
    op.add_column("batches", sa.Column("remind_before", sa.JSON))
    op.create_table(
        "reminder_positions",
        sa.Column("hours", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("coupon_id", ID, nullable=False),
    )
    op.create_index(
        "ix_coupons_usable_until",
        "coupons",
        ["valid_until", "id"],
        sqlite_where=_USABLE,
        postgresql_where=_USABLE,
    )


def _erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", ID, primary_key=True),
        sa.Column("student_hash", sa.String(64), nullable=False),
        sa.Column("key_name", sa.String(12), nullable=False),
        sa.Column("pseudonym", NAME, nullable=False),
        sa.Column("asked_by", NAME, nullable=False),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("done_at", sa.BigInteger),
    )
    op.create_index("uq_erasures_pseudonym", "erasures", ["pseudonym"], unique=True)
    op.create_index("ix_erasures_student_hash", "erasures", ["student_hash"])
    op.create_index(
        "ix_erasures_open", "erasures", ["asked_at"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )


def _append_only(table: str, kept: tuple[str, ...], dialect: str) -> tuple[str, ...]:
    equals = "IS" if dialect == "sqlite" else "IS NOT DISTINCT FROM"
    same = " AND ".join(f"OLD.{name} {equals} NEW.{name}" for name in kept)
    may_erase = f"{same} AND EXISTS (SELECT 1 FROM erasures WHERE done_at IS NULL)"
    if dialect == "sqlite":
        return (
            f"DROP TRIGGER {table}_UPDATE",
            f"CREATE TRIGGER {table}_UPDATE BEFORE UPDATE ON {table} WHEN NOT ({may_erase}) "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END",
        )
    return (
        f"CREATE OR REPLACE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF TG_OP = 'UPDATE' AND {may_erase} THEN RETURN NEW; END IF; "
        f"RAISE integrity_constraint_violation USING MESSAGE = '{table} is append-only'; END $$",
    )
