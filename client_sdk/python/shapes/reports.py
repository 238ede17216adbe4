"""Reports: figures by day, batch, room and others. Twin of `javascript/shapes/reports.js`."""

from typing import Literal, TypedDict

ReportKind = Literal["coupons", "orders", "courses"]
ReportBy = Literal["day", "hour", "batch", "channel", "room", "instructor", "campaign", "phase"]


class ReportFigure(TypedDict):
    """A figure; null where there is nothing to divide by. Money is in minor units."""

    gross: int | float | None
    net: int | float | None


class ReportRow(TypedDict):
    """`key`: the day, the hour, the id or the name; `total` in totals. `course`: in a report of courses."""

    key: str
    course: str | None
    currency: str
    figures: dict[str, ReportFigure]


class ReportComparison(TypedDict):
    """Average order values with and without a coupon, in the same weeks and of the same courses."""

    currency: str
    strata: int
    orders: int
    average: int | None
    average_without: int | None


Report = TypedDict(
    "Report",
    {
        "report": ReportKind,
        "by": ReportBy,
        "from": str,
        "to": str,
        "order_counts": Literal["once", "once_a_room"],
        "rows": list[ReportRow],
        "totals": list[ReportRow],
        "comparison": list[ReportComparison],
        "next": str | None,
    },
)


class ReportDefinition(TypedDict):
    """A figure in words. `formula`: of the net figure."""

    report: ReportKind
    name: str
    unit: Literal["count", "money", "ratio"]
    formula: str
    zh: str
    en: str


class ReportDefinitions(TypedDict):
    """The figures of all reports."""

    definitions: list[ReportDefinition]
