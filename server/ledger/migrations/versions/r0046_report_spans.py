"""Reports: sums by month, and by week where orders of a week are compared, from those by day."""

from alembic import op
from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, String, text

revision = "0046"
down_revision = "0044"
branch_labels = None
depends_on = None

_OF_WEEKS = "measure LIKE 'stratum%'"


def upgrade() -> None:
    op.create_table(
        "report_span_sums",
        Column("by", String(12), nullable=False),
        Column("room", String(64), nullable=False),
        Column("span", String(8), nullable=False),
        Column("value", String(120), nullable=False),
        Column("course", String(64), nullable=False),
        Column("currency", String(3), nullable=False),
        Column("measure", String(24), nullable=False),
        Column("sum", BigInteger, nullable=False),
        PrimaryKeyConstraint("by", "room", "measure", "span", "value", "course", "currency"),
    )
    _fill("substr(day, 1, 7)", f"NOT ({_OF_WEEKS}) AND \"by\" <> 'hour'")
    _fill(_week(), _OF_WEEKS)


def _fill(span: str, which: str) -> None:
    columns = '"by", room, {}, value, course, currency, measure'
    op.execute(
        text(
            f"INSERT INTO report_span_sums ({columns.format('span')}, sum) "
            f"SELECT {columns.format(span)}, sum(sum) FROM report_sums WHERE {which} "
            f"GROUP BY {columns.format(span)}"
        )
    )


def _week() -> str:
    """Return SQL of a day's ISO week. SQLite before 3.46 has no word for it: the Thursday of the week says
    its year, and how many weeks of it there were."""
    if op.get_bind().dialect.name == "postgresql":
        return "to_char(CAST(day AS date), 'IYYY\"-W\"IW')"
    thursday = "date(day, '-3 days', 'weekday 4')"
    week = f"(CAST(strftime('%j', {thursday}) AS INTEGER) - 1) / 7 + 1"
    return f"strftime('%Y', {thursday}) || '-W' || substr('0' || ({week}), -2)"
