"""Indexes for reads that must not grow with all that ever was.

A server of the version before does not care.
"""

from alembic import op
from sqlalchemy import text

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_BOUND = text("claim_id IS NULL AND slot IS NOT NULL AND state <> 'revoked'")


def upgrade() -> None:
    op.create_index(
        "ix_coupons_bound_codes",
        "coupons",
        ["batch_id", "student", "slot"],
        sqlite_where=_BOUND,
        postgresql_where=_BOUND,
    )
    op.create_index("ix_drops_closed_at", "drops", ["closed_at"])
    op.create_index("ix_drops_batch_id", "drops", ["batch_id"])
    op.create_index("ix_batches_campaign_id", "batches", ["campaign_id"])
    op.create_index("ix_batches_claim_until", "batches", ["claim_until"])
