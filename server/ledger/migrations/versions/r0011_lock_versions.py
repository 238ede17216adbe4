"""Each lock of an order has a version, so that a payment names the lock it was for; a cancelled lock stays on
record when its order is locked again.

An order that was locked before counts as locked once. A server of the version before raises no version.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLE = "cancelled_locks"


def upgrade() -> None:
    op.add_column(
        "redemptions", sa.Column("version", sa.Integer, nullable=False, server_default="1")
    )
    op.create_table(
        TABLE,
        sa.Column("redemption_id", sa.String(40), sa.ForeignKey("redemptions.id"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("cancelled_at", sa.BigInteger, nullable=False),
        sa.Column("payable", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("redemption_id", "version"),
    )
    for statement in _append_only(op.get_bind().dialect.name):
        op.execute(statement)


def _append_only(dialect: str) -> tuple[str, ...]:
    if dialect == "sqlite":
        return tuple(
            f"CREATE TRIGGER {TABLE}_{verb} BEFORE {verb} ON {TABLE} "
            f"BEGIN SELECT RAISE(ABORT, '{TABLE} is append-only'); END"
            for verb in ("UPDATE", "DELETE")
        )
    return (
        f"CREATE FUNCTION {TABLE}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE integrity_constraint_violation USING MESSAGE = '{TABLE} is append-only'; "
        "END $$",
        f"CREATE TRIGGER {TABLE}_kept BEFORE UPDATE OR DELETE ON {TABLE} "
        f"FOR EACH ROW EXECUTE FUNCTION {TABLE}_is_append_only()",
    )
