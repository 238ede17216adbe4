"""The endpoints that stop and resume claims, use or both: of a batch, a campaign, or everything.

For operators. What a stop does and how soon it takes effect is in flows/promotions/stops.py.
"""

from typing import Annotated

from pydantic import Field

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    Handler,
    NoBody,
    NoQuery,
)
from server.api.http.fields import (
    Body,
    Moment,
    Readable,
    ResponseModel,
)
from server.core.promotions.stops import EVERYTHING, MAX_REASON, StopForm, Stoppable, StopState
from server.core.refusals import Code, Refused
from server.flows.promotions import stops as flows
from server.ledger.promotions import stops as ledger


class StopBody(Body):
    """`claims`, `use` or both: what to stop or resume. One that is false stays as it is."""

    claims: bool = False
    use: bool = False
    reason: Annotated[str, Field(max_length=MAX_REASON), Readable] = ""


class StopResponse(ResponseModel):
    """`claims` and `use`: what is stopped now. The other fields are those of the last change."""

    claims: bool
    use: bool
    reason: str
    changed_by: str
    changed_at: Moment


def active_stop_response(state: StopState | None) -> StopResponse | None:
    """Return the stop, or None where neither claims nor use are stopped."""
    if state is None or not (state.claims or state.use):
        return None
    return _to_response(state)


def _to_response(state: StopState) -> StopResponse:
    return StopResponse(
        claims=state.claims,
        use=state.use,
        reason=state.reason,
        changed_by=state.changed_by,
        changed_at=state.changed_at,
    )


async def stop_campaign(
    deps: ApiDependencies, request: ApiRequest[StopBody, NoQuery]
) -> ApiResponse | Refused:
    return await _change(deps, request, Stoppable.CAMPAIGN, is_stop=True)


async def resume_campaign(
    deps: ApiDependencies, request: ApiRequest[StopBody, NoQuery]
) -> ApiResponse | Refused:
    return await _change(deps, request, Stoppable.CAMPAIGN, is_stop=False)


async def stop_batch(
    deps: ApiDependencies, request: ApiRequest[StopBody, NoQuery]
) -> ApiResponse | Refused:
    return await _change(deps, request, Stoppable.BATCH, is_stop=True)


async def resume_batch(
    deps: ApiDependencies, request: ApiRequest[StopBody, NoQuery]
) -> ApiResponse | Refused:
    return await _change(deps, request, Stoppable.BATCH, is_stop=False)


async def stop_everything(
    deps: ApiDependencies, request: ApiRequest[StopBody, NoQuery]
) -> ApiResponse | Refused:
    return await _change(deps, request, Stoppable.EVERYTHING, is_stop=True)


async def resume_everything(
    deps: ApiDependencies, request: ApiRequest[StopBody, NoQuery]
) -> ApiResponse | Refused:
    return await _change(deps, request, Stoppable.EVERYTHING, is_stop=False)


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    async with deps.ledger.read() as conn:
        return ApiResponse(_to_response(await ledger.find(conn, EVERYTHING)))


async def _change(
    deps: ApiDependencies, request: ApiRequest[StopBody, NoQuery], kind: Stoppable, *, is_stop: bool
) -> ApiResponse | Refused:
    body = request.body
    form = StopForm(kind, request.path.get("id", ""), body.claims, body.use, body.reason)
    state = await flows.change_stop(
        deps.ledger, deps.drop_desk, form, is_stop, request.identity.subject, request.now
    )
    return state if isinstance(state, Refused) else ApiResponse(_to_response(state))


def _stop_endpoint(
    path: str, handler: Handler[StopBody, NoQuery], summary: str, *refuses: Code
) -> AnyEndpoint:
    return Endpoint(
        method="POST",
        path=path,
        rule=auth.OPERATOR,
        handler=handler,
        body=StopBody,
        response=StopResponse,
        summary=summary,
        refuses=refuses,
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    _stop_endpoint(
        "/v1/campaigns/{id}/stop", stop_campaign, "Stop claims, use or both of a campaign"
    ),
    _stop_endpoint("/v1/campaigns/{id}/resume", resume_campaign, "Resume what was stopped"),
    _stop_endpoint("/v1/batches/{id}/stop", stop_batch, "Stop claims, use or both of a batch"),
    _stop_endpoint(
        "/v1/batches/{id}/resume",
        resume_batch,
        "Resume what was stopped; claims of a batch that has ended stay stopped",
        Code.WRONG_STATE,
    ),
    _stop_endpoint("/v1/stop", stop_everything, "Stop all claims, all use or both"),
    _stop_endpoint("/v1/resume", resume_everything, "Resume what was stopped"),
    Endpoint(
        method="GET",
        path="/v1/stop",
        rule=auth.OPERATOR_READ,
        handler=show,
        response=StopResponse,
        summary="Get the stop of everything",
    ),
)
