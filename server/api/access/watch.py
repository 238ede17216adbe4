"""/v1/watch: who has points, and why. For operators and finance.

The signals and their points are in core/access/watch.py. A level is an advice: `POST /v1/blocks` with the
same kind and value is the operator's answer.
"""

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoBody
from server.api.http.fields import Moment, ResponseModel, absent
from server.api.http.paging import PageQuery, first_page
from server.core.access.watch import Level, Reason, Signal, Watched
from server.core.refusals import Refused
from server.ledger.access import watched
from server.ledger.access.watched import WatchedRow, WatchFilter


class WatchQuery(PageQuery):
    """`kind` and `level`: only these."""

    kind: Watched | None = None
    level: Level | None = None


class ReasonResponse(ResponseModel):
    """`count`: within the last hour, of `unpaid_locks` within the last day. Of `quick_wins` (less than 150 ms
    after the card): `of` all wins, and the share of quick ones among the others of the same drops."""

    signal: Signal
    count: int
    points: int
    of: int | None = absent()
    usual_percent: int | None = absent()


class WatchedResponse(ResponseModel):
    """`value`: the student's id, the campaign's id, or a hash of tokens. `level` is an advice, by the points
    as they were at `seen_at`."""

    id: str
    kind: Watched
    value: str
    points: int
    level: Level
    reasons: list[ReasonResponse]
    first_seen_at: Moment
    seen_at: Moment


class WatchPageResponse(ResponseModel):
    watched: list[WatchedResponse]
    next: str | None


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, WatchQuery]
) -> ApiResponse | Refused:
    query = request.query
    wanted = WatchFilter(query.kind, query.level)
    async with deps.ledger.read() as conn:
        found = await watched.page(conn, wanted, query.limit + 1, query.after)
    page, following = first_page(found, query.limit)
    return ApiResponse(WatchPageResponse(watched=[*map(_to_response, page)], next=following))


def _to_response(row: WatchedRow) -> WatchedResponse:
    found = row.found
    return WatchedResponse(
        id=row.id,
        kind=found.kind,
        value=found.value,
        points=found.points,
        level=found.level,
        reasons=[*map(_reason_response, found.reasons)],
        first_seen_at=row.first_seen_at,
        seen_at=row.seen_at,
    )


def _reason_response(reason: Reason) -> ReasonResponse:
    return ReasonResponse(
        signal=reason.signal,
        count=reason.count,
        points=reason.points,
        of=reason.of,
        usual_percent=reason.usual_percent,
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/watch",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=WatchQuery,
        response=WatchPageResponse,
        summary="List who has points and why, newest first",
    ),
)
