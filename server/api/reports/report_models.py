"""The shapes of reports: rows with every figure gross and net, totals, and definitions."""

from typing import Annotated, Literal

from pydantic import Field

from server.api.http.fields import Currency, Day, QueryFields, ResponseModel
from server.core.reports.figures import FIGURES, Comparison, Figure, ReportKind, Unit
from server.core.reports.measures import By
from server.flows.reports.read_reports import ReportRow


class ReportQuery(QueryFields):
    """`from` and `to`: days in the school's time zone, both included; 400 at most. `format=csv`: a file with
    all rows. `limit` and `after` are for `json`."""

    from_day: Annotated[Day, Field(alias="from")]
    to_day: Annotated[Day, Field(alias="to")]
    by: By = By.DAY
    format: Literal["json", "csv"] = "json"
    limit: Annotated[int, Field(ge=1, le=1_000)] = 50
    after: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,1600}$")] | None = None


class FigureResponse(ResponseModel):
    """A figure of a row: counts and money are integers, quotients are not. Null where there is nothing to
    divide by."""

    gross: int | float | None
    net: int | float | None


class ReportRowResponse(ResponseModel):
    """`key`: the day, the hour (as in 2026-03-01T14), the id or the name; `total` in totals. `course`: in a
    report of courses. `figures`: by the names of `/v1/reports/definitions`; money in minor units."""

    key: str
    course: str | None
    currency: Currency
    figures: dict[str, FigureResponse]


class ComparisonResponse(ResponseModel):
    """Average values of orders with and without a coupon, in the same weeks and of the same courses.
    `strata`: how many pairs of a week and a course had both."""

    currency: Currency
    strata: int
    orders: int
    average: int | None
    average_without: int | None


class ReportResponse(ResponseModel):
    """`order_counts`: `once` where an order counts once in the totals, `once_a_room` for an instructor; in
    rows it counts in each that it belongs to. `comparison`: in a report of orders, not for an instructor."""

    report: ReportKind
    by: By
    from_day: Annotated[str, Field(alias="from")]
    to_day: Annotated[str, Field(alias="to")]
    order_counts: Literal["once", "once_a_room"]
    rows: list[ReportRowResponse]
    totals: list[ReportRowResponse]
    comparison: list[ComparisonResponse]
    next: str | None


class DefinitionResponse(ResponseModel):
    """`formula`: of the net figure, in names of figures and of sums. `zh` and `en`: what it says."""

    report: ReportKind
    name: str
    unit: Unit
    formula: str
    zh: str
    en: str


class DefinitionsResponse(ResponseModel):
    definitions: list[DefinitionResponse]


def row_response(row: ReportRow) -> ReportRowResponse:
    figures = {
        name: FigureResponse(gross=value.gross, net=value.net)
        for name, value in row.figures.items()
    }
    return ReportRowResponse(key=row.key, course=row.course, currency=row.currency, figures=figures)


def comparison_response(currency: str, found: Comparison) -> ComparisonResponse:
    return ComparisonResponse(
        currency=currency,
        strata=found.strata,
        orders=found.orders,
        average=found.average,
        average_without=found.average_without,
    )


def definitions_response() -> DefinitionsResponse:
    return DefinitionsResponse(
        definitions=[_definition(kind, one) for kind, of in FIGURES.items() for one in of]
    )


def _definition(kind: ReportKind, one: Figure) -> DefinitionResponse:
    return DefinitionResponse(
        report=kind, name=one.name, unit=one.unit, formula=one.formula, zh=one.zh, en=one.en
    )
