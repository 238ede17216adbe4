"""/v1/acts: the audit log, newest first. Its rows are never changed or deleted (core/acts.py)."""

from typing import Annotated, Any

from pydantic import Field

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoBody
from server.api.http.fields import Moment, ResponseModel, ShortText
from server.api.http.paging import PageQuery, first_page
from server.core.acts import Act, Action
from server.core.refusals import Refused
from server.ledger import acts


class ActsQuery(PageQuery):
    """`actor`: the `sub` of a token. `subject`: the id of the changed object."""

    actor: ShortText | None = None
    subject: ShortText | None = None


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


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, ActsQuery]
) -> ApiResponse | Refused:
    query = request.query
    async with deps.ledger.read() as conn:
        found = await acts.page_of_acts(
            conn, query.actor, query.subject, query.limit + 1, query.after
        )
    page, following = first_page(found, query.limit)
    return ApiResponse(ActPageResponse(acts=[_to_response(act) for act in page], next=following))


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
        summary="List acts, newest first; optionally of one actor or on one subject",
    ),
)
