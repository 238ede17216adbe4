"""/v1/triggers: coupons that students get when something happens. Operators write and activate them."""

from typing import Any

from server.api.audiences.rule_bodies import Rule, rule_json
from server.api.events.trigger_models import (
    ActivateBody,
    DryRunBody,
    DryRunResponse,
    PauseBody,
    Then,
    TriggerBody,
    TriggerEdit,
    TriggerLimits,
    TriggerPageResponse,
    TriggerResponse,
    TriggerWindow,
    When,
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
from server.api.http.paging import PageQuery, first_page
from server.api.promotions.templates import parse_if_match
from server.core.events import triggers as core
from server.core.refusals import Code, Refused
from server.flows.events import dry_run_trigger
from server.flows.events import triggers as flows
from server.ledger.events import triggers as ledger


async def create(
    deps: ApiDependencies, request: ApiRequest[TriggerBody, NoQuery]
) -> ApiResponse | Refused:
    form = core.TriggerForm(**_fields(request.body))
    actor = request.identity.subject
    return _respond(await flows.create_trigger(deps.ledger, actor, form, request.key, request.now))


async def change(
    deps: ApiDependencies, request: ApiRequest[TriggerEdit, NoQuery]
) -> ApiResponse | Refused:
    version = None if request.if_match is None else parse_if_match(request.if_match)
    if isinstance(version, Refused):
        return version
    changed = await flows.change_trigger(
        deps.ledger,
        actor=request.identity.subject,
        trigger_id=request.path["id"],
        expected_version=version,
        changes=_fields(request.body),
        now=request.now,
    )
    return _respond(changed)


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    async with deps.ledger.read() as conn:
        found = await ledger.find(conn, request.path["id"])
    return _respond(found or Refused(Code.NOT_FOUND))


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, PageQuery]
) -> ApiResponse | Refused:
    limit = request.query.limit
    async with deps.ledger.read() as conn:
        found = await ledger.page(conn, limit + 1, request.query.after)
    page, following = first_page(found, limit)
    listed = [_response(each) for each in page]
    return ApiResponse(TriggerPageResponse(triggers=listed, next=following))


async def activate(
    deps: ApiDependencies, request: ApiRequest[ActivateBody, NoQuery]
) -> ApiResponse | Refused:
    actor, trigger_id = request.identity.subject, request.path["id"]
    done = await flows.activate_trigger(
        deps.ledger, actor, trigger_id, request.now, catch_up=request.body.catch_up
    )
    return _respond(done)


async def pause(
    deps: ApiDependencies, request: ApiRequest[PauseBody, NoQuery]
) -> ApiResponse | Refused:
    actor, trigger_id, reason = request.identity.subject, request.path["id"], request.body.reason
    return _respond(await flows.pause_trigger(deps.ledger, actor, trigger_id, request.now, reason))


async def dry_run(
    deps: ApiDependencies, request: ApiRequest[DryRunBody, NoQuery]
) -> ApiResponse | Refused:
    days = request.body.days
    found = await dry_run_trigger.dry_run(
        deps.ledger, request.path["id"], days, deps.time_zone, request.now
    )
    return respond(
        found,
        lambda it: DryRunResponse(
            days=days,
            events=it.events,
            fulfilled=it.fulfilled,
            issued=it.issued,
            students=len(it.students),
            sample=list(it.students)[: dry_run_trigger.SAMPLE],
            complete=it.is_complete,
        ),
    )


def _fields(body: TriggerBody | TriggerEdit) -> dict[str, Any]:
    """Return the fields of the form that the body has."""
    found: dict[str, Any] = {}
    if body.name is not None:
        found["name"] = body.name
    if body.when is not None:
        rule = body.when.conditions
        found |= {
            "event": body.when.event,
            "conditions": None if rule is None else rule_json(rule),
        }
    if body.then is not None:
        found |= {"batch_id": body.then.batch_id, "pack_id": body.then.pack_id}
    if body.limits is not None:
        of = body.limits
        found["limits"] = core.Limits(of.per_student, of.per_day, of.total)
    if body.window is not None:
        found |= {"from_at": body.window.from_at, "until_at": body.window.until}
    if body.ignore_older_than_seconds is not None:
        found["ignore_older_than_s"] = body.ignore_older_than_seconds
    if body.metadata is not None:
        found["metadata"] = body.metadata
    return found


def _response(trigger: core.Trigger) -> TriggerResponse:
    form, limits = trigger.form, trigger.form.limits
    conditions = None if form.conditions is None else Rule.model_validate(form.conditions)
    has_window = form.from_at is not None or form.until_at is not None
    return TriggerResponse(
        id=trigger.id,
        version=trigger.version,
        state=trigger.state,
        name=form.name,
        when=When(event=form.event, conditions=conditions),
        then=Then(batch_id=form.batch_id, pack_id=form.pack_id),
        limits=TriggerLimits(
            per_student=limits.per_student, per_day=limits.per_day, total=limits.total
        ),
        window=TriggerWindow(from_at=form.from_at, until=form.until_at) if has_window else None,
        ignore_older_than_seconds=form.ignore_older_than_s,
        metadata=dict(form.metadata),
        fired=trigger.fired,
        created_at=trigger.created_at,
    )


def _respond(found: core.Trigger | Refused) -> ApiResponse | Refused:
    """Respond with the trigger, and with its version as ETag."""
    if isinstance(found, Refused):
        return found
    return ApiResponse(_response(found), {"ETag": f'"{found.version}"'})


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/triggers",
        rule=auth.OPERATOR,
        handler=create,
        body=TriggerBody,
        response=TriggerResponse,
        status=201,
        summary="Create a trigger as a draft",
        is_create=True,
    ),
    Endpoint(
        method="GET",
        path="/v1/triggers",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=PageQuery,
        response=TriggerPageResponse,
        summary="List triggers, newest first",
    ),
    Endpoint(
        method="GET",
        path="/v1/triggers/{id}",
        rule=auth.OPERATOR_READ,
        handler=show,
        response=TriggerResponse,
        summary="Get a trigger",
    ),
    Endpoint(
        method="PATCH",
        path="/v1/triggers/{id}",
        rule=auth.OPERATOR,
        handler=change,
        body=TriggerEdit,
        response=TriggerResponse,
        summary="Change a trigger for later events",
        refuses=(Code.WRONG_STATE,),
    ),
    Endpoint(
        method="POST",
        path="/v1/triggers/{id}/activate",
        rule=auth.OPERATOR,
        handler=activate,
        body=ActivateBody,
        response=TriggerResponse,
        summary="Let a trigger fire from now on",
        refuses=(Code.WRONG_STATE,),
    ),
    Endpoint(
        method="POST",
        path="/v1/triggers/{id}/pause",
        rule=auth.OPERATOR,
        handler=pause,
        body=PauseBody,
        response=TriggerResponse,
        summary="Let a trigger fire no more until it is activated again",
        refuses=(Code.WRONG_STATE,),
    ),
    Endpoint(
        method="POST",
        path="/v1/triggers/{id}/dry-run",
        rule=auth.OPERATOR,
        handler=dry_run,
        body=DryRunBody,
        response=DryRunResponse,
        summary="Count whom a trigger would have hit in the last days; nothing is issued",
    ),
)
