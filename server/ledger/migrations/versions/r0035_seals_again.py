"""Seals tell how many units were given again, and name the seal before them."""

from alembic import op
from sqlalchemy import BigInteger, Column, String

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "drop_seals", Column("given_again", BigInteger, nullable=False, server_default="0")
    )
    op.add_column("drop_seals", Column("previous", String(64)))
