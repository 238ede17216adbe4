"""Acts: an index for those of one kind, newest first."""

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_acts_action_id", "acts", ["action", "id"])
