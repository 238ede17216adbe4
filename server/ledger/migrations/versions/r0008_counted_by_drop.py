"""Indexes along which a drop's results are counted, without reading a row.

Until now each look at a drop read all claims there are. A server of the version before does not care.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_claims_drop_id_state", "claims", ["drop_id", "state", "reason"])
    op.drop_index("ix_coupons_drop_id_state", "coupons")
    op.create_index("ix_coupons_drop_id_state", "coupons", ["drop_id", "state", "redeemed_at"])
