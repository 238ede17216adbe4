"""Links, and the version of a drop's window, which the moves of a link's window count.

A server of the version before shows no links; it confirms and ends their drops as all others.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

ID, NAME = sa.String(40), sa.String(64)


def upgrade() -> None:
    op.add_column(
        "drops", sa.Column("window_version", sa.Integer, nullable=False, server_default="0")
    )
    op.create_table(
        "links",
        sa.Column("id", ID, primary_key=True),
        sa.Column("slug", sa.String(16), nullable=False),
        sa.Column("batch_id", ID, sa.ForeignKey("batches.id"), nullable=False),
        sa.Column("drop_id", ID, sa.ForeignKey("drops.id"), nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("note", sa.String(200), nullable=False),
        sa.Column("opens_at", sa.BigInteger, nullable=False),
        sa.Column("closes_at", sa.BigInteger, nullable=False),
        sa.Column("paused_from", sa.BigInteger),
        sa.Column("opened", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("slug"),
        sa.UniqueConstraint("drop_id"),
    )
    op.create_index("ix_links_batch_id_id", "links", ["batch_id", "id"])
