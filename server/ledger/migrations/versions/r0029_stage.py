"""How drops end, how often they were opened, rehearsals; cues and stages.

A server of the version before does not know an open end or a rehearsal: stop its processes before somebody
makes one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

ID, NAME = sa.String(40), sa.String(64)


def upgrade() -> None:
    op.add_column(
        "drops", sa.Column("ends", sa.String(8), nullable=False, server_default="duration")
    )
    op.add_column("drops", sa.Column("ends_at", sa.BigInteger))
    op.add_column("drops", sa.Column("openings", sa.Integer, nullable=False, server_default="1"))
    op.add_column(
        "drops", sa.Column("rehearsal", sa.Boolean, nullable=False, server_default=sa.false())
    )
    _cues()
    op.create_table(
        "stages",
        sa.Column("room", NAME, primary_key=True),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("started_by", NAME),
        sa.Column("held_at", sa.BigInteger),
        sa.Column("held_by", NAME),
        sa.Column("video_seconds", sa.BigInteger),
        sa.Column("video_at", sa.BigInteger),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_stages_changed_at", "stages", ["changed_at"])


def _cues() -> None:
    op.create_table(
        "cues",
        sa.Column("drop_id", ID, sa.ForeignKey("drops.id"), primary_key=True),
        sa.Column("room", NAME, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("reason", sa.String(40)),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.CheckConstraint("kind IN ('at','minute','video_seconds','hand')", name="kind_known"),
        sa.CheckConstraint("state IN ('waiting','fired','missed','refused')", name="state_known"),
        sa.CheckConstraint("value >= 0", name="value_not_negative"),
    )
    op.create_index("ix_cues_room_place", "cues", ["room", "place"])
    op.create_index(
        "ix_cues_waiting",
        "cues",
        ["kind", "value"],
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index("ix_cues_changed_at", "cues", ["changed_at"])
