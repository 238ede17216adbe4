"""/v1/campaigns: the purpose, time and budget of coupons that are given out.

Operators make and change campaigns, finance reads them. A batch names its campaign (`campaign_id`). What may
be changed is in core/promotions/campaign_edits.py. The endpoints that stop a campaign are in
api/promotions/stops.py.
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
    NoBody,
    NoQuery,
)
from server.api.http.fields import (
    Amount,
    Body,
    Currency,
    FromDay,
    Metadata,
    Moment,
    Readable,
    ResponseModel,
    Title,
    UntilDay,
    absent,
)
from server.api.http.paging import PageQuery, first_page
from server.api.promotions.stops import StopResponse, active_stop_response
from server.api.promotions.templates import parse_if_match
from server.core.promotions import campaigns as core
from server.core.promotions.campaign_edits import CampaignEdit
from server.core.promotions.campaigns import Budget, BudgetKind, Campaign, CampaignForm, Phase
from server.core.promotions.stops import StopState
from server.core.refusals import Code, Refused
from server.core.violations import Violation, refused
from server.flows.promotions import campaigns as flows
from server.flows.promotions.edit_campaign import edit_campaign
from server.ledger.promotions import campaigns as ledger
from server.ledger.promotions import stops

MinorAmount = Annotated[Amount, Field(ge=1)]
Pieces = Annotated[int, Field(ge=1, le=core.MAX_PIECES)]
_REQUIRED_FIELDS = ("name", "purpose", "starts_at", "ends_at")
Purpose = Annotated[str, Field(min_length=1, max_length=core.MAX_PURPOSE), Readable]


class MoneyBody(Body):
    amount: MinorAmount
    currency: Currency


class BudgetBody(Body):
    """The limits of a campaign: the greatest sum that its coupons may take off, and how many there may be."""

    money: MoneyBody | None = None
    pieces: Pieces | None = None


class PhaseBody(Body):
    """A part [from, until) of the campaign. Phases are in order of time and do not overlap."""

    name: Title
    from_at: FromDay = Field(alias="from")
    until_at: UntilDay = Field(alias="until")


class CampaignBody(Body):
    """A campaign in [starts_at, ends_at). `per_student`: claims of one student in all its batches."""

    name: Title
    purpose: Purpose
    starts_at: FromDay
    ends_at: UntilDay
    budget: BudgetBody | None = None
    phases: Annotated[list[PhaseBody], Field(max_length=core.MAX_PHASES)] | None = None
    per_student: Annotated[int, Field(ge=1, le=core.MAX_PER_STUDENT)] | None = None
    metadata: Metadata | None = None


class CampaignEditBody(Body):
    """The fields to change; absent fields stay as they are. `budget` is written as a whole."""

    name: Title | None = None
    purpose: Purpose | None = None
    starts_at: FromDay | None = None
    ends_at: UntilDay | None = None
    budget: BudgetBody | None = None
    phases: Annotated[list[PhaseBody], Field(max_length=core.MAX_PHASES)] | None = None
    per_student: Annotated[int, Field(ge=1, le=core.MAX_PER_STUDENT)] | None = None
    metadata: Metadata | None = None


class WarningResponse(ResponseModel):
    """`level`: the percentage of the budget that was first reached at `at`."""

    level: int
    at: Moment


class BudgetPartsResponse(ResponseModel):
    """amount = free + exposed + settled. `exposed`: the greatest discount of coupons that are in drops or
    issued, and not used yet. `settled`: the discount of used coupons. `free` is below 0 only where coupons
    were used after their part had been given back."""

    amount: int
    currency: str | None = absent()
    free: int
    exposed: int
    settled: int
    warnings: list[WarningResponse]


class BudgetResponse(ResponseModel):
    money: BudgetPartsResponse | None = absent()
    pieces: BudgetPartsResponse | None = absent()


class PhaseResponse(ResponseModel):
    name: str
    from_at: Moment = Field(alias="from")
    until_at: Moment = Field(alias="until")


class CampaignResponse(ResponseModel):
    """`phase`: the name of the current phase."""

    id: str
    version: int
    name: str
    purpose: str
    starts_at: Moment
    ends_at: Moment
    budget: BudgetResponse | None = absent()
    phases: list[PhaseResponse]
    phase: str | None = absent()
    per_student: int | None = absent()
    stopped: StopResponse | None = absent()
    metadata: dict[str, str]
    created_by: str
    created_at: Moment


class CampaignPageResponse(ResponseModel):
    campaigns: list[CampaignResponse]
    next: str | None


async def create(
    deps: ApiDependencies, request: ApiRequest[CampaignBody, NoQuery]
) -> ApiResponse | Refused:
    made = await flows.create_campaign(
        deps.ledger, request.identity.subject, _form(request.body), request.key, request.now
    )
    return made if isinstance(made, Refused) else await _respond(deps, made, request.now)


async def edit(
    deps: ApiDependencies, request: ApiRequest[CampaignEditBody, NoQuery]
) -> ApiResponse | Refused:
    version = parse_if_match(request.if_match)
    if isinstance(version, Refused):
        return version
    changes = _changes(request.body)
    if isinstance(changes, Refused):
        return changes
    changed = await edit_campaign(
        deps.ledger,
        request.identity.subject,
        request.path["id"],
        CampaignEdit(version, changes),
        request.now,
    )
    return changed if isinstance(changed, Refused) else await _respond(deps, changed, request.now)


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    async with deps.ledger.read() as conn:
        found = await ledger.find(conn, request.path["id"])
    return Refused(Code.NOT_FOUND) if found is None else await _respond(deps, found, request.now)


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, PageQuery]
) -> ApiResponse | Refused:
    limit = request.query.limit
    async with deps.ledger.read() as conn:
        found = await ledger.page(conn, limit + 1, request.query.after)
        stopped = await stops.of_targets(conn, [campaign.id for campaign in found])
    page, following = first_page(found, limit)
    campaigns = [_to_response(campaign, stopped.get(campaign.id), request.now) for campaign in page]
    return ApiResponse(CampaignPageResponse(campaigns=campaigns, next=following))


async def _respond(deps: ApiDependencies, campaign: Campaign, now: int) -> ApiResponse:
    async with deps.ledger.read() as conn:
        stopped = await stops.of_targets(conn, [campaign.id])
    etag = {"ETag": f'"{campaign.version}"'}
    return ApiResponse(_to_response(campaign, stopped.get(campaign.id), now), etag)


def _changes(body: CampaignEditBody) -> dict[str, object] | Refused:
    """Return the sent fields as CampaignForm has them. A null for a required field is refused."""
    sent = body.model_fields_set
    empty = [name for name in _REQUIRED_FIELDS if name in sent and getattr(body, name) is None]
    if empty:
        return refused([Violation(name, "missing") for name in empty])
    changes: dict[str, object] = {name: getattr(body, name) for name in sent - {"budget"}}
    if "budget" in sent:
        budget = body.budget or BudgetBody()
        changes |= {"money": _money_of(budget), "pieces": budget.pieces}
    if "phases" in sent:
        changes["phases"] = _phases_of(body.phases)
    if "metadata" in sent:
        changes["metadata"] = body.metadata or {}
    return changes


def _money_of(budget: BudgetBody) -> core.Money | None:
    return core.Money(budget.money.amount, budget.money.currency) if budget.money else None


def _phases_of(phases: list[PhaseBody] | None) -> tuple[Phase, ...]:
    return tuple(Phase(one.name, one.from_at, one.until_at) for one in phases or ())


def _form(body: CampaignBody) -> CampaignForm:
    budget = body.budget or BudgetBody()
    return CampaignForm(
        name=body.name,
        purpose=body.purpose,
        starts_at=body.starts_at,
        ends_at=body.ends_at,
        money=_money_of(budget),
        pieces=budget.pieces,
        phases=_phases_of(body.phases),
        per_student=body.per_student,
        metadata=body.metadata or {},
    )


def _to_response(campaign: Campaign, stopped: StopState | None, now: int) -> CampaignResponse:
    phase = campaign.phase_at(now)
    return CampaignResponse(
        id=campaign.id,
        version=campaign.version,
        name=campaign.name,
        purpose=campaign.purpose,
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
        budget=_budget_response(campaign),
        phases=[_phase_response(one) for one in campaign.phases],
        phase=phase.name if phase is not None else None,
        per_student=campaign.per_student,
        stopped=active_stop_response(stopped),
        metadata=dict(campaign.metadata),
        created_by=campaign.created_by,
        created_at=campaign.created_at,
    )


def _budget_response(campaign: Campaign) -> BudgetResponse | None:
    if not campaign.budgets:
        return None
    return BudgetResponse(
        money=_budget_parts_response(campaign.budget(BudgetKind.MONEY)),
        pieces=_budget_parts_response(campaign.budget(BudgetKind.PIECES)),
    )


def _budget_parts_response(budget: Budget | None) -> BudgetPartsResponse | None:
    if budget is None:
        return None
    return BudgetPartsResponse(
        amount=budget.amount,
        currency=budget.currency,
        free=budget.free,
        exposed=budget.exposed,
        settled=budget.settled,
        warnings=[
            WarningResponse(level=level, at=at) for level, at in sorted(budget.warnings.items())
        ],
    )


def _phase_response(phase: Phase) -> PhaseResponse:
    window = {"from": phase.from_at, "until": phase.until_at}
    return PhaseResponse.model_validate({"name": phase.name, **window})


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/campaigns",
        rule=auth.OPERATOR,
        handler=create,
        body=CampaignBody,
        response=CampaignResponse,
        status=201,
        summary="Create a campaign",
        is_create=True,
    ),
    Endpoint(
        method="GET",
        path="/v1/campaigns",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=PageQuery,
        response=CampaignPageResponse,
        summary="List campaigns, newest first",
    ),
    Endpoint(
        method="GET",
        path="/v1/campaigns/{id}",
        rule=auth.OPERATOR_READ,
        handler=show,
        response=CampaignResponse,
        summary="Get a campaign and the state of its budget",
    ),
    Endpoint(
        method="PATCH",
        path="/v1/campaigns/{id}",
        rule=auth.OPERATOR,
        handler=edit,
        body=CampaignEditBody,
        response=CampaignResponse,
        summary="Change a campaign that has not ended; its batches and coupons keep what they have",
        refuses=(Code.WRONG_STATE,),
        needs_version=True,
    ),
)
