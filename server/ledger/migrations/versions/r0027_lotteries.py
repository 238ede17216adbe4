"""Lotteries: prizes by published odds, what was won of them, the seeds of days, and the spins.

A server of the version before knows none, and draws nothing.
"""

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
    text,
)

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

ID = String(40)
NAME = String(64)


def upgrade() -> None:
    _lotteries()
    _prizes()
    _spins()
    _indexes()


def _lotteries() -> None:
    op.create_table(
        "lotteries",
        Column("id", ID, primary_key=True),
        Column("state", String(8), nullable=False),
        Column("form", JSON, nullable=False),
        Column("until_at", BigInteger),
        Column("ended_at", BigInteger),
        Column("created_by", NAME, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        CheckConstraint("state IN ('active','paused','ended')", name="state_known"),
        CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_at_iff_ended"),
    )
    op.create_table(
        "lottery_days",
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("seed", String(64), nullable=False),
        Column("committed_at", BigInteger, nullable=False),
        Column("published_at", BigInteger),
    )


def _prizes() -> None:
    op.create_table(
        "lottery_prizes",
        Column("lottery_id", ID, ForeignKey("lotteries.id"), nullable=False),
        Column("place", Integer, nullable=False),
        Column("quantity", Integer),
        Column("won", Integer, nullable=False, server_default="0"),
        PrimaryKeyConstraint("lottery_id", "place"),
        CheckConstraint("won >= 0", name="won_not_negative"),
        CheckConstraint("won <= quantity", name="won_within_quantity"),
    )
    op.create_table(
        "lottery_prize_days",
        Column("lottery_id", ID, ForeignKey("lotteries.id"), nullable=False),
        Column("place", Integer, nullable=False),
        Column("day", Integer, nullable=False),
        Column("per_day", Integer),
        Column("won", Integer, nullable=False),
        PrimaryKeyConstraint("lottery_id", "place", "day"),
        CheckConstraint("won >= 0", name="won_not_negative"),
        CheckConstraint("won <= per_day", name="won_within_per_day"),
    )


def _spins() -> None:
    op.create_table(
        "lottery_spins",
        Column("id", ID, primary_key=True),
        Column("lottery_id", ID, ForeignKey("lotteries.id"), nullable=False),
        Column("student", NAME, nullable=False),
        Column("request_id", NAME, nullable=False),
        Column("day", Integer, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("n", Integer),
        Column("number", Integer),
        Column("drawn", Integer),
        Column("place", Integer),
        Column("outcome", String(16)),
        Column("issuance_id", ID),
        Column("coupon_id", ID),
        UniqueConstraint("lottery_id", "student", "request_id"),
        UniqueConstraint("lottery_id", "student", "n"),
        CheckConstraint(
            "outcome IN ('won','nothing','no_chance_left','not_open')", name="outcome_known"
        ),
        CheckConstraint(
            "(n IS NULL) = (outcome IS NOT NULL AND outcome IN ('no_chance_left','not_open'))",
            name="n_iff_spun",
        ),
        CheckConstraint(
            "(coupon_id IS NOT NULL) = (outcome IS NOT NULL AND outcome = 'won')",
            name="coupon_iff_won",
        ),
        CheckConstraint(
            "(n IS NULL) = (number IS NULL) AND (n IS NULL) = (drawn IS NULL)",
            name="number_iff_spun",
        ),
        CheckConstraint("number BETWEEN 0 AND 999999", name="number_in_range"),
    )


def _indexes() -> None:
    op.create_index("ix_lotteries_state", "lotteries", ["state"])
    op.create_index("ix_lottery_spins_lottery_id_id", "lottery_spins", ["lottery_id", "id"])
    op.create_index("ix_lottery_spins_student", "lottery_spins", ["student"])
    _partial("ix_lottery_days_secret", "lottery_days", "day", "published_at IS NULL")
    _partial("ix_lottery_spins_under_way", "lottery_spins", "id", "outcome IS NULL")


def _partial(name: str, table: str, column: str, condition: str) -> None:
    where = text(condition)
    op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)
