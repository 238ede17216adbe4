"""/v1/statements: what finance books for each day, as JSON or as a file; the sealed days; and how a payment
provider's orders match. For finance and operators.

CSV begins with a byte order mark: without it Excel reads UTF-8 as something else.
"""

from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    NoBody,
    NoQuery,
    StreamedResponse,
)
from server.api.http.files import begun
from server.api.statements.statement_models import (
    DaysQuery,
    LinesQuery,
    MatchBody,
    MatchResponse,
    SealedDaysResponse,
    StatementPageResponse,
    day_response,
    line_response,
    match_response,
)
from server.core import media_types
from server.core.audiences.guarded_cells import csv_cell
from server.core.refusals import Code, Refused, invalid_field
from server.core.statements.days import COLUMNS, as_json, day_of, values
from server.core.statements.lines import StatementLine
from server.flows.statements import read_statements as flows
from server.flows.statements.read_statements import Amounts, Span
from server.ledger.statements.lines import LinePosition, PlacedLine
from server.sheets.programs import ProgramsBusyError

# The program that writes XLSX has all lines to read before its first byte.
_DEADLINE_S = 120.0
_BUSY_SECONDS = 5
_MAX_MATCH_BYTES = 4 << 20  # 20,000 orders
_Lines = AsyncIterator[list[StatementLine]]


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, LinesQuery]
) -> ApiResponse | StreamedResponse | Refused:
    query = request.query
    span = flows.span_of(query.from_day.isoformat(), query.to_day.isoformat())
    if isinstance(span, Refused):
        return span
    if query.format != "json":
        return await _file(deps, span, query.format)
    after = None if query.after is None else _position(query.after)
    found = await flows.page_of_lines(deps.ledger, span, after, query.limit + 1)
    page = found[: query.limit]
    following = _cursor(page[-1]) if len(found) > query.limit else None
    lines = [line_response(placed.line) for placed in page]
    return ApiResponse(StatementPageResponse(lines=lines, next=following))


async def days(
    deps: ApiDependencies, request: ApiRequest[NoBody, DaysQuery]
) -> ApiResponse | Refused:
    query = request.query
    today = date.fromisoformat(day_of(request.now, deps.time_zone))
    last = query.to_day or today
    first = query.from_day or last - timedelta(days=flows.MAX_DAYS - 1)
    span = flows.span_of(first.isoformat(), last.isoformat())
    if isinstance(span, Refused):
        return span
    found = await flows.sealed_days(deps.ledger, span)
    return ApiResponse(SealedDaysResponse(days=[day_response(day) for day in found]))


async def match(
    deps: ApiDependencies, request: ApiRequest[MatchBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    for name, day in (("from", body.from_day), ("to", body.to_day)):
        if not _is_day(day):
            return invalid_field(name, "bad_format")
    span = flows.span_of(body.from_day, body.to_day)
    if isinstance(span, Refused):
        return span
    theirs: dict[str, Amounts] = {}
    for number, each in enumerate(body.orders):
        if each.order in theirs:
            return invalid_field(f"orders.{number}.order", "duplicate")
        theirs[each.order] = Amounts(each.paid, each.refunded)
    return ApiResponse(match_response(await flows.match(deps.ledger, span, theirs)))


async def _file(deps: ApiDependencies, span: Span, format_: str) -> StreamedResponse | Refused:
    name = f"statement-{span.first}-{span.last}.{format_}"
    named = {"Content-Disposition": f'attachment; filename="{name}"'}
    lines = flows.all_lines(deps.ledger, span)
    if format_ == "ndjson":
        return StreamedResponse(_ndjson(lines), "application/x-ndjson", named)
    if format_ == "csv":
        return StreamedResponse(_csv(lines), f"{media_types.CSV}; charset=utf-8", named)
    file = begun(deps.programs.write_workbook(_rows(lines)))
    try:
        await anext(file)
    except ProgramsBusyError:
        busy = {"retry_after_s": _BUSY_SECONDS}
        return Refused(Code.RATE_LIMITED, "other files are being written", busy)
    return StreamedResponse(file, media_types.XLSX, named)


async def _ndjson(lines: _Lines) -> AsyncIterator[bytes]:
    async for page in lines:
        yield b"".join(as_json(line) + b"\n" for line in page)


async def _csv(lines: _Lines) -> AsyncIterator[bytes]:
    yield BOM_UTF8
    async for page in _rows(lines):
        yield "".join(",".join(map(_cell, row)) + "\r\n" for row in page).encode()


async def _rows(lines: _Lines) -> AsyncIterator[list[Sequence[str | int]]]:
    yield [COLUMNS]
    async for page in lines:
        yield [["" if value is None else value for value in values(line)] for line in page]


def _cell(value: str | int) -> str:
    return str(value) if isinstance(value, int) else csv_cell(value)


def _cursor(placed: PlacedLine) -> str:
    return ".".join(map(str, placed.position))


def _position(cursor: str) -> LinePosition:
    day, seq, part = cursor.split(".")
    return LinePosition(day, int(seq), int(part))


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/statements",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=LinesQuery,
        response=StatementPageResponse,
        summary="List the lines of statements, oldest first, or all of them as a file",
        refuses=(Code.RATE_LIMITED,),
        streams=media_types.CSV,
        deadline_s=_DEADLINE_S,
    ),
    Endpoint(
        method="GET",
        path="/v1/statements/days",
        rule=auth.OPERATOR_READ,
        handler=days,
        query=DaysQuery,
        response=SealedDaysResponse,
        summary="List the sealed days with their sums and hashes",
    ),
    Endpoint(
        method="POST",
        path="/v1/statements/match",
        rule=auth.OPERATOR_READ,
        handler=match,
        body=MatchBody,
        max_body=_MAX_MATCH_BYTES,
        response=MatchResponse,
        summary="Compare a payment provider's orders with the statement of these days",
    ),
)
