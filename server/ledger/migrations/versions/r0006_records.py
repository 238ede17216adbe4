"""Who did what, and what became of each coupon: two tables whose rows are never changed.

A server of the version before writes neither: what it does meanwhile has no line.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.String(40)
NAME = sa.String(64)


def upgrade() -> None:
    op.create_table(
        "acts",
        sa.Column("id", ID, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", NAME, nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("subject", NAME, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Index("ix_acts_subject_id", "subject", "id"),
        sa.Index("ix_acts_actor_id", "actor", "id"),
    )
    op.create_table(
        "coupon_moves",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("coupon_id", ID, sa.ForeignKey("coupons.id"), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("target", sa.String(12), nullable=False),
        sa.Column("redemption_id", ID, sa.ForeignKey("redemptions.id")),
        sa.Index("ix_coupon_moves_coupon_id_number", "coupon_id", "number"),
    )
    for table in ("acts", "coupon_moves"):
        for statement in _append_only(table, op.get_bind().dialect.name):
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
