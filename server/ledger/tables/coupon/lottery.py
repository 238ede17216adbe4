"""Tables of lotteries: a lottery, what was won of each prize, the seeds of days, and the spins.

A spin is kept as long as its lottery is open, and 400 days longer: it says what a request was answered, and
how many chances a student has used. The ledger refuses by itself what would win more than a prize has.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)

from server.ledger.tables.naming import ID, NAME, metadata

lotteries = Table(
    "lotteries",
    metadata,
    Column("id", ID, primary_key=True),
    Column("state", String(8), nullable=False),  # active paused ended
    Column("form", JSON, nullable=False),  # the fields of core.lotteries.lotteries.LotteryForm
    Column("until_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("created_by", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    CheckConstraint("state IN ('active','paused','ended')", name="state_known"),
    CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_at_iff_ended"),
    Index("ix_lotteries_state", "state"),
)

# What is won, the coupons on their way among it.
lottery_prizes = Table(
    "lottery_prizes",
    metadata,
    Column("lottery_id", ID, ForeignKey("lotteries.id"), nullable=False),
    Column("place", Integer, nullable=False),  # in the list of prizes, from 0
    Column("quantity", Integer),
    Column("won", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("lottery_id", "place"),
    CheckConstraint("won >= 0", name="won_not_negative"),
    CheckConstraint("won <= quantity", name="won_within_quantity"),
)

lottery_prize_days = Table(
    "lottery_prize_days",
    metadata,
    Column("lottery_id", ID, ForeignKey("lotteries.id"), nullable=False),
    Column("place", Integer, nullable=False),
    Column("day", Integer, nullable=False),  # the number of the school's date
    Column("per_day", Integer),
    Column("won", Integer, nullable=False),
    PrimaryKeyConstraint("lottery_id", "place", "day"),
    CheckConstraint("won >= 0", name="won_not_negative"),
    CheckConstraint("won <= per_day", name="won_within_per_day"),
)

lottery_days = Table(
    "lottery_days",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("seed", String(64), nullable=False),  # 32 bytes in hex
    Column("committed_at", BigInteger, nullable=False),
    Column("published_at", BigInteger),
    Index(
        "ix_lottery_days_secret",
        "day",
        sqlite_where=text("published_at IS NULL"),
        postgresql_where=text("published_at IS NULL"),
    ),
)

lottery_spins = Table(
    "lottery_spins",
    metadata,
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
        "(n IS NULL) = (number IS NULL) AND (n IS NULL) = (drawn IS NULL)", name="number_iff_spun"
    ),
    CheckConstraint("number BETWEEN 0 AND 999999", name="number_in_range"),
    Index("ix_lottery_spins_lottery_id_id", "lottery_id", "id"),
    Index("ix_lottery_spins_student", "student"),
    Index(
        "ix_lottery_spins_under_way",
        "id",
        sqlite_where=text("outcome IS NULL"),
        postgresql_where=text("outcome IS NULL"),
    ),
)
