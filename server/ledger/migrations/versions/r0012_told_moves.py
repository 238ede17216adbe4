"""Coupons count their moves, and remember since when their student has to be told of one.

A server of the version before moves coupons without either: nobody is told, as before.
"""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, text

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_UNTOLD = text("untold_since IS NOT NULL")


def upgrade() -> None:
    op.add_column("coupons", Column("moves", Integer, nullable=False, server_default="0"))
    op.add_column("coupons", Column("untold_since", BigInteger))
    op.create_index(
        "ix_coupons_untold_since",
        "coupons",
        ["untold_since"],
        sqlite_where=_UNTOLD,
        postgresql_where=_UNTOLD,
    )
