"""/v1/alerts: what somebody must look at, with the act that mends it. For operators; finance may read."""

from typing import Literal

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    NoBody,
    NoQuery,
    respond,
)
from server.api.http.fields import Body, Count, Moment, ResponseModel
from server.api.http.paging import PageQuery, first_page
from server.core.alerts.alerts import Alert, AlertAct, AlertKind, AlertState
from server.core.refusals import Code, Refused
from server.flows.alerts.act import ActForm, act_on
from server.flows.stores import Stores
from server.ledger.alerts import alerts as ledger


class AlertsQuery(PageQuery):
    """`state`: the alerts that are listed."""

    state: AlertState = AlertState.OPEN


class AlertActBody(Body):
    """`act`: one of the alert's `acts`. `amount`: by how much a budget is raised (minor units or pieces), or
    how many units a batch gets; the other acts have none."""

    act: Literal[
        "raise_budget", "top_up", "resume", "enable", "stop", "repair", "remind", "end", "dismiss"
    ]
    amount: Count | None = None


class AlertResponse(ResponseModel):
    """`about`: the id of the campaign, batch, webhook, issuance or experiment, `name` its name, URL or
    reason; `consistency` where desk and ledger differ. `level`: greater where it
    is worse; of a budget or of unused coupons percent. `amount` and `left`: of a budget or a batch; of unused
    coupons those that end soon, and those of them that are not used. `ended_by`: whose act ended it; null
    where it ended by itself."""

    id: str
    kind: AlertKind
    about: str
    name: str
    level: int
    amount: int | None
    left: int | None
    currency: str | None
    reason: str | None
    state: AlertState
    acts: list[AlertAct]
    raised_at: Moment
    dismissed_by: str | None
    ended_at: Moment | None
    ended_by: str | None


class AlertPageResponse(ResponseModel):
    alerts: list[AlertResponse]
    next: str | None


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, AlertsQuery]
) -> ApiResponse | Refused:
    query = request.query
    async with deps.ledger.read() as conn:
        found = await ledger.page(conn, query.state, query.limit + 1, query.after)
    page, following = first_page(found, query.limit)
    return ApiResponse(AlertPageResponse(alerts=[_response(one) for one in page], next=following))


async def act(
    deps: ApiDependencies, request: ApiRequest[AlertActBody, NoQuery]
) -> ApiResponse | Refused:
    stores = Stores(deps.ledger, deps.drop_desk, deps.feed, request.identity.subject)
    form = ActForm(AlertAct(request.body.act), request.body.amount)
    acted = await act_on(stores, deps.time_zone, request.path["id"], form, request.now)
    return respond(acted, _response)


def _response(alert: Alert) -> AlertResponse:
    fault = alert.fault
    return AlertResponse(
        id=alert.id,
        kind=fault.kind,
        about=fault.subject,
        name=fault.name,
        level=fault.level,
        amount=fault.amount,
        left=fault.left,
        currency=fault.currency,
        reason=fault.reason,
        state=alert.state,
        acts=list(alert.acts),
        raised_at=alert.raised_at,
        dismissed_by=alert.dismissed_by,
        ended_at=alert.ended_at,
        ended_by=alert.ended_by,
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/alerts",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=AlertsQuery,
        response=AlertPageResponse,
        summary="List alerts, newest first",
    ),
    Endpoint(
        method="POST",
        path="/v1/alerts/{id}/act",
        rule=auth.OPERATOR,
        handler=act,
        body=AlertActBody,
        response=AlertResponse,
        summary="Do what mends an alert, or dismiss it",
        refuses=(Code.IN_PROGRESS, Code.WRONG_STATE, Code.PRICE_RULE),
    ),
)
