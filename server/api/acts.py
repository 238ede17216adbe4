"""/v1/acts: the audit log, newest first. Its rows are never changed or deleted (core/acts.py)."""

from codecs import BOM_UTF8
from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    NoBody,
    Result,
    StreamedResponse,
)
from server.api.http.fields import Day, Moment, ResponseModel, ShortText
from server.api.http.paging import MAX_PAGE, PageQuery, first_page, span_refusal
from server.core import instants, media_types
from server.core.acts import Act, Action, actions_named
from server.core.audiences.guarded_cells import csv_cell
from server.core.refusals import Refused, invalid_field
from server.ledger import acts
from server.ledger.acts import ActFilter
from server.ledger.engine import Ledger


class ActsQuery(PageQuery):
    """`actor`: the `sub` of a token. `subject`: the id of the changed object. `action`: such as
    `batch.stopped`, or `batch` for all on batches. `from` and `to`: days in the school's time zone, both
    included. `format=csv`: a file with all acts that are wanted; `limit` and `after` are for `json`."""

    actor: ShortText | None = None
    subject: ShortText | None = None
    action: ShortText | None = None
    from_day: Annotated[Day | None, Field(alias="from")] = None
    to_day: Annotated[Day | None, Field(alias="to")] = None
    format: Literal["json", "csv"] = "json"


class ActResponse(ResponseModel):
    id: str
    at: Moment
    actor: str
    action: Action
    subject: str
    detail: Annotated[
        dict[str, Any], Field(description="the fields of the request, by their names in the API")
    ]


class ActPageResponse(ResponseModel):
    acts: list[ActResponse]
    next: str | None


async def index(deps: ApiDependencies, request: ApiRequest[NoBody, ActsQuery]) -> Result:
    query = request.query
    wanted = _filter_of(deps, query)
    if isinstance(wanted, Refused):
        return wanted
    if query.format == "csv":
        named = {"Content-Disposition": 'attachment; filename="acts.csv"'}
        file = _csv(deps.ledger, wanted)
        return StreamedResponse(file, f"{media_types.CSV}; charset=utf-8", named)
    async with deps.ledger.read() as conn:
        found = await acts.page_of_acts(conn, wanted, query.limit + 1, query.after)
    page, following = first_page(found, query.limit)
    return ApiResponse(ActPageResponse(acts=[_to_response(act) for act in page], next=following))


def _filter_of(deps: ApiDependencies, query: ActsQuery) -> ActFilter | Refused:
    actions = None if query.action is None else actions_named(query.action)
    if actions == ():
        return invalid_field("action", "unknown")
    day = timedelta(days=1)
    try:
        since = None if query.from_day is None else _start_of(query.from_day, deps)
        until = None if query.to_day is None else _start_of(query.to_day + day, deps)
    except OverflowError:
        return invalid_field("to", "out_of_range")
    return span_refusal(since, until) or ActFilter(
        query.actor, query.subject, actions, since, until
    )


def _start_of(day: date, deps: ApiDependencies) -> int:
    """Return the first instant of the school's day, in ms."""
    return int(datetime.combine(day, time.min, deps.time_zone).timestamp()) * 1000


async def _csv(ledger: Ledger, wanted: ActFilter) -> AsyncIterator[bytes]:
    """Yield a row for each act. Each page is a read transaction of its own."""
    yield BOM_UTF8 + _line("id", "at", "actor", "action", "subject", "detail")
    after = None
    while True:
        async with ledger.read() as conn:
            page = await acts.page_of_acts(conn, wanted, MAX_PAGE, after)
        if not page:
            return
        yield b"".join(_row(act) for act in page)
        after = page[-1].id


def _row(act: Act) -> bytes:
    detail = orjson.dumps(dict(act.detail)).decode()
    at = instants.to_text(act.at)
    return _line(act.id, at, act.actor, act.action.value, act.subject, detail)


def _line(*cells: str) -> bytes:
    return (",".join(map(csv_cell, cells)) + "\r\n").encode()


def _to_response(act: Act) -> ActResponse:
    return ActResponse(
        id=act.id,
        at=act.at,
        actor=act.actor,
        action=act.action,
        subject=act.subject,
        detail=dict(act.detail),
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/acts",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=ActsQuery,
        response=ActPageResponse,
        summary="List acts, newest first; of an actor, on a subject, of a kind, or of some days",
        streams=media_types.CSV,
    ),
)
