"""/v1/experiments: batches side by side, each for a share of all. For operators; finance may read."""

from typing import Annotated

from pydantic import Field

from server.api.experiments.experiment_models import (
    ExperimentPageResponse,
    ExperimentResponse,
    ExperimentResultResponse,
    experiment_response,
    result_response,
)
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
from server.api.http.fields import Body, Id, Metadata, NotEmpty, Title
from server.api.http.paging import PageQuery, first_page
from server.core.experiments.experiments import (
    MAX_HOLD_OUT,
    MAX_VARIANTS,
    Experiment,
    ExperimentState,
    Variant,
)
from server.core.ids import BatchId
from server.core.refusals import Refused
from server.flows.experiments import experiments as flows
from server.ids import new_id


class ExperimentVariantBody(Body):
    """A batch of which nothing is out yet, and its share in percent."""

    batch_id: Id
    share: Annotated[int, Field(ge=1, le=100)]


class ExperimentBody(Body):
    """Shares add up to 100, or to 100 with `hold_out`, the percentage of students who get nothing. One
    variant is compared with the hold-out alone."""

    name: Title
    variants: Annotated[list[ExperimentVariantBody], NotEmpty, Field(max_length=MAX_VARIANTS)]
    hold_out: Annotated[int, Field(ge=0, le=MAX_HOLD_OUT)] = 0
    metadata: Metadata | None = None


async def create(
    deps: ApiDependencies, request: ApiRequest[ExperimentBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    experiment = Experiment(
        id=new_id("exp"),
        name=body.name,
        variants=tuple(Variant(BatchId(one.batch_id), one.share) for one in body.variants),
        hold_out=body.hold_out,
        currency="",  # of its batches
        state=ExperimentState.RUNNING,
        created_by=request.identity.subject,
        created_at=request.now,
        metadata=body.metadata or {},
    )
    started = await flows.start(deps.ledger, experiment, request.key, request.now)
    return respond(started, result_response)


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, PageQuery]
) -> ApiResponse | Refused:
    limit = request.query.limit
    found = await flows.list_experiments(deps.ledger, request.query.after, limit + 1)
    page, following = first_page(found, limit)
    listed: list[ExperimentResponse] = [experiment_response(one) for one in page]
    return ApiResponse(ExperimentPageResponse(experiments=listed, next=following))


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    return respond(await flows.show(deps.ledger, request.path["id"]), result_response)


async def end(deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]) -> ApiResponse | Refused:
    actor = request.identity.subject
    return respond(
        await flows.end(deps.ledger, request.path["id"], actor, request.now), result_response
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/experiments",
        rule=auth.OPERATOR,
        handler=create,
        body=ExperimentBody,
        response=ExperimentResultResponse,
        status=201,
        summary="Start an experiment: batches side by side, each for a share of the students",
        is_create=True,
    ),
    Endpoint(
        method="GET",
        path="/v1/experiments",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=PageQuery,
        response=ExperimentPageResponse,
        summary="List experiments, newest first",
    ),
    Endpoint(
        method="GET",
        path="/v1/experiments/{id}",
        rule=auth.OPERATOR_READ,
        handler=show,
        response=ExperimentResultResponse,
        summary="Show an experiment, what its groups did, and how sure the difference is",
    ),
    Endpoint(
        method="POST",
        path="/v1/experiments/{id}/end",
        rule=auth.OPERATOR,
        handler=end,
        response=ExperimentResultResponse,
        summary="End an experiment: its batches are for everybody again",
    ),
)
