"""Access rules: blocks, revocations of tokens, stops of instructors; and the open drops of an instructor.

A server of the version before knows none of them: it lets a blocked student win until it is replaced.
"""

from alembic import op
from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, String, text

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_IN_FORCE = text("ended_at IS NULL")
_NOT_CLOSED = text("state <> 'closed'")


def upgrade() -> None:
    op.create_table(
        "access_rules",
        Column("id", String(40), primary_key=True),
        Column("kind", String(12), nullable=False),
        Column("value", String(200), nullable=False),
        Column("reason", String(200), nullable=False),
        Column("created_by", String(64), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("made_before", BigInteger),
        Column("until", BigInteger),
        Column("ended_by", String(64)),
        Column("ended_at", BigInteger),
        Column("version", BigInteger, nullable=False),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by_somebody"),
    )
    op.create_index(
        "uq_access_rules_in_force",
        "access_rules",
        ["kind", "value"],
        unique=True,
        sqlite_where=_IN_FORCE,
        postgresql_where=_IN_FORCE,
    )
    op.create_index("ix_access_rules_version_id", "access_rules", ["version", "id"])
    op.create_index("ix_access_rules_kind_id", "access_rules", ["kind", "id"])
    op.create_index("ix_access_rules_ended_at", "access_rules", ["ended_at"])
    op.create_index("ix_access_rules_until", "access_rules", ["until"])
    op.create_table(
        "access_version",
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("version", BigInteger, nullable=False),
    )
    op.create_index(
        "ix_drops_created_by",
        "drops",
        ["created_by", "id"],
        sqlite_where=_NOT_CLOSED,
        postgresql_where=_NOT_CLOSED,
    )
