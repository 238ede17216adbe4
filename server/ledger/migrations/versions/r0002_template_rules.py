"""What a template deducts, how it stacks, how often it may be used, and what a refund does with it.

A server of the version before does not name these columns: its templates get the defaults, which are how it
has treated them all along.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "template_versions",
        sa.Column("deducts", sa.JSON, nullable=False, server_default='["goods"]'),
    )
    op.add_column(
        "template_versions", sa.Column("stacking", sa.JSON, nullable=False, server_default="{}")
    )
    op.add_column("template_versions", sa.Column("uses_per_student", sa.Integer))
    op.add_column(
        "template_versions", sa.Column("returns", sa.JSON, nullable=False, server_default="{}")
    )
