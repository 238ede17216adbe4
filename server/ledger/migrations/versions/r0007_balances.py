"""What students have on account from rebates, and what a lock freezes of gifts, rebates and the balance.

A server of the version before names none of the new columns: its orders have no gifts, rebates or balance.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.String(40)
NAME = sa.String(64)


def upgrade() -> None:
    _frozen_with_a_lock()
    _balances()
    _rebates()
    _balance_entries()


def _frozen_with_a_lock() -> None:
    for name, usual in (("gifts", "[]"), ("rebates", "[]")):
        column = sa.Column(name, sa.JSON, nullable=False, server_default=usual)
        op.add_column("redemptions", column)
    op.add_column(
        "redemptions", sa.Column("balance", sa.BigInteger, nullable=False, server_default="0")
    )
    op.add_column(
        "redemptions", sa.Column("balance_shares", sa.JSON, nullable=False, server_default="{}")
    )


def _balances() -> None:
    op.create_table(
        "balances",
        sa.Column("student", NAME, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("student", "currency", name="pk_balances"),
    )


def _rebates() -> None:
    op.create_table(
        "rebates",
        sa.Column("id", ID, primary_key=True),
        sa.Column("redemption_id", ID, sa.ForeignKey("redemptions.id"), nullable=False),
        sa.Column("coupon_id", ID, sa.ForeignKey("coupons.id"), nullable=False),
        sa.Column("student", NAME, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("shares", sa.JSON, nullable=False),
        sa.Column("taken_back", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("redemption_id", "coupon_id"),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.CheckConstraint("taken_back BETWEEN 0 AND amount", name="taken_back_within_amount"),
        sa.CheckConstraint("state IN ('pending','credited')", name="state_known"),
        sa.Index("ix_rebates_state_due_at", "state", "due_at"),
    )


def _balance_entries() -> None:
    op.create_table(
        "balance_entries",
        sa.Column("id", ID, primary_key=True),
        sa.Column("student", NAME, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("redemption_id", ID, sa.ForeignKey("redemptions.id")),
        sa.CheckConstraint("amount <> 0", name="amount_not_zero"),
        sa.Index("ix_balance_entries_student_id", "student", "id"),
    )
    for statement in _append_only("balance_entries", op.get_bind().dialect.name):
        op.execute(statement)


def _append_only(table: str, dialect: str) -> tuple[str, ...]:
    if dialect == "sqlite":
        return tuple(
            f"CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for verb in ("UPDATE", "DELETE")
        )
    return (
        f"CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE integrity_constraint_violation USING MESSAGE = '{table} is append-only'; "
        "END $$",
        f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_is_append_only()",
    )
