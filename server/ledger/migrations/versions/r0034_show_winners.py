"""Drops whose room is told masked names of who won.

A server of the version before does not know such a drop: stop its processes before somebody makes one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "drops", sa.Column("show_winners", sa.Boolean, nullable=False, server_default=sa.false())
    )
