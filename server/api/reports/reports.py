"""/v1/reports: coupons, orders and courses by day, batch, room and others, and what each figure means.

For operators and finance; an instructor sees the rooms of their token. Figures are read from sums, which a
worker keeps about a second behind what happens.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Sequence

import orjson

from server.api.drops.drop_models import DropPageResponse, DropResponse
from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    NoBody,
    NoQuery,
    Result,
    StreamedResponse,
)
from server.api.http.paging import PageQuery, first_page
from server.api.reports.report_models import (
    DefinitionsResponse,
    ReportQuery,
    ReportResponse,
    comparison_response,
    definitions_response,
    row_response,
)
from server.core import media_types
from server.core.audiences.guarded_cells import csv_cell
from server.core.refusals import Refused, invalid_field
from server.core.reports.figures import FIGURES, ReportKind
from server.core.reports.measures import By
from server.core.reports.spans import is_day
from server.flows.drops.views import drop_view
from server.flows.reports import read_reports
from server.flows.reports.read_reports import Question, ReportRow
from server.flows.statements.read_statements import span_of
from server.flows.stores import Stores
from server.ledger.engine import Ledger
from server.ledger.reports.sums import Place

_Request = ApiRequest[NoBody, ReportQuery]


async def coupons(deps: ApiDependencies, request: _Request) -> Result:
    return await _report(deps, request, ReportKind.COUPONS)


async def orders(deps: ApiDependencies, request: _Request) -> Result:
    return await _report(deps, request, ReportKind.ORDERS)


async def courses(deps: ApiDependencies, request: _Request) -> Result:
    return await _report(deps, request, ReportKind.COURSES)


async def _report(deps: ApiDependencies, request: _Request, kind: ReportKind) -> Result:
    query = request.query
    days = span_of(query.from_day.isoformat(), query.to_day.isoformat())
    if isinstance(days, Refused):
        return days
    after = None if query.after is None else _position(query.after, query.by)
    if query.after is not None and after is None:
        return invalid_field("after", "bad_format")
    rooms = request.identity.limited_to
    question = Question(kind, query.by, *days, rooms)
    if query.format == "csv":
        name = f"report-{kind}-{query.by}-{days.first}-{days.last}.csv"
        named = {"Content-Disposition": f'attachment; filename="{name}"'}
        file = _csv(deps.ledger, question)
        return StreamedResponse(file, f"{media_types.CSV}; charset=utf-8", named)
    report = await read_reports.read(deps.ledger, question, after, query.limit + 1)
    page = report.rows[: query.limit]
    return ApiResponse(
        ReportResponse(
            **{"from": days.first, "to": days.last},
            report=kind,
            by=query.by,
            order_counts="once" if rooms is None else "once_a_room",
            rows=[row_response(one) for one in page],
            totals=[row_response(one) for one in report.totals],
            comparison=[comparison_response(*one) for one in report.comparison.items()],
            next=_cursor(page[-1].place) if len(report.rows) > query.limit else None,
        )
    )


async def live(deps: ApiDependencies, request: ApiRequest[NoBody, PageQuery]) -> ApiResponse:
    """Return the drops that run now, with the desk's figures beside those of the ledger."""
    rooms = request.identity.limited_to
    limit, after = request.query.limit, request.query.after
    stores = Stores(deps.ledger, deps.drop_desk, deps.feed)
    found = await drop_view.show_running(stores, rooms, limit + 1, after, request.now)
    page, following = first_page(found, limit)
    drops = [DropResponse.model_validate(drop) for drop in page]
    return ApiResponse(DropPageResponse(drops=drops, next=following))


async def definitions(deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]) -> ApiResponse:
    return ApiResponse(definitions_response())


async def _csv(ledger: Ledger, question: Question) -> AsyncIterator[bytes]:
    """Yield a row for each row of the report, then the totals."""
    names = [f"{one.name}_{part}" for one in FIGURES[question.kind] for part in ("gross", "net")]
    yield BOM_UTF8 + _line(["key", "course", "currency", *names])
    async for rows in read_reports.all_rows(ledger, question):
        if rows:
            yield b"".join(_line(_cells(row)) for row in rows)


def _cells(row: ReportRow) -> list[str | int | float | None]:
    values = [part for one in row.figures.values() for part in (one.gross, one.net)]
    return [row.key, row.course, row.currency, *values]


def _line(cells: Sequence[str | int | float | None]) -> bytes:
    return (",".join(map(_cell, cells)) + "\r\n").encode()


def _cell(value: str | int | float | None) -> str:
    if value is None:
        return ""
    return csv_cell(value) if isinstance(value, str) else str(value)


def _cursor(place: Place) -> str:
    return urlsafe_b64encode(orjson.dumps([*place])).rstrip(b"=").decode()


def _position(cursor: str, by: By) -> Place | None:
    try:
        found = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        return None
    if not isinstance(found, list) or [type(one) for one in found] != [str] * 3:
        return None
    place = Place(*found)
    is_time = by not in (By.DAY, By.HOUR) or is_day(place.key[:10])
    return place if is_time and not any("\0" in one for one in place) else None


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/reports/definitions",
        rule=auth.INSTRUCTOR_READ,
        handler=definitions,
        response=DefinitionsResponse,
        summary="List the figures of all reports, with their formulas and what they say",
    ),
    Endpoint(
        method="GET",
        path="/v1/reports/live",
        rule=auth.INSTRUCTOR_READ,
        handler=live,
        query=PageQuery,
        response=DropPageResponse,
        summary="List the drops that run now in all rooms, with their live counts",
    ),
    *(
        Endpoint(
            method="GET",
            path=f"/v1/reports/{kind}",
            rule=auth.INSTRUCTOR_READ,
            handler=handler,
            query=ReportQuery,
            response=ReportResponse,
            summary=summary,
            streams=media_types.CSV,
        )
        for kind, handler, summary in (
            (
                ReportKind.COUPONS,
                coupons,
                "Report coupons: issued, reached, claimed, used, and what they cost",
            ),
            (ReportKind.ORDERS, orders, "Report orders with and without a coupon, and repurchase"),
            (ReportKind.COURSES, courses, "Report the courses that were bought with coupons"),
        )
    ),
)
