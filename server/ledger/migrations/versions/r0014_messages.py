"""Messages to students.

A server of the version before asks for none and sends none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ID = sa.String(40)
NAME = sa.String(64)
_WAITING = sa.text("state IN ('queued','held')")
_COUNTED = sa.text("counted_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "messages",
        sa.Column("id", ID, primary_key=True),
        sa.Column("cap_key", ID, nullable=False),
        sa.Column("once", sa.String(100), nullable=False),
        sa.Column("student", NAME, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("text", sa.String(200)),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("coupon_id", ID),
        sa.Column("url", sa.Text),
        sa.Column("cause", ID),
        sa.Column("transactional", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("reason", sa.String(40)),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("not_before", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("lease_until", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("counted_at", sa.BigInteger),
        sa.Column("sent_at", sa.BigInteger),
        sa.UniqueConstraint("once"),
        sa.CheckConstraint(
            "state IN ('queued','held','sent','failed','expired','cancelled')",
            name="state_known",
        ),
        sa.CheckConstraint("channel IN ('in_app','webhook','email')", name="channel_known"),
        sa.CheckConstraint("not_before <= expires_at", name="life_not_negative"),
    )
    op.create_index(
        "ix_messages_due",
        "messages",
        ["channel", "not_before"],
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
    op.create_index("ix_messages_student_id", "messages", ["student", "id"])
    op.create_index(
        "ix_messages_counted",
        "messages",
        ["student", "counted_at"],
        sqlite_where=_COUNTED,
        postgresql_where=_COUNTED,
    )
    op.create_index("ix_messages_state_id", "messages", ["state", "id"])
    op.create_index("ix_messages_cause_state", "messages", ["cause", "state"])
    op.create_index("ix_messages_created_at", "messages", ["created_at"])
