"""Links that are shown to students as prompts, on course pages and at the checkout.

A server of the version before makes links that are none, as all links were until now.
"""

from alembic import op
from sqlalchemy import Boolean, Column, false, text

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_IS_PROMPT = "prompt"


def upgrade() -> None:
    op.add_column("links", Column("prompt", Boolean, nullable=False, server_default=false()))
    op.create_index(
        "ix_links_prompt",
        "links",
        ["id"],
        sqlite_where=text(_IS_PROMPT),
        postgresql_where=text(_IS_PROMPT),
    )
