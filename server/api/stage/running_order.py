"""/v1/rooms/{room}/running-order: what opens by itself in a class, and the buttons that hold it."""

from typing import Annotated, Any

from pydantic import Field, model_validator

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
from server.api.http.fields import Body, Id, Instant, Moment, ReasonBody, ResponseModel, absent
from server.core.drops.cues import MAX_MINUTE, MAX_VIDEO_SECONDS, Cue, CueKind, CueState
from server.core.drops.drops import DropState
from server.core.refusals import Code, Refused, invalid_field
from server.core.stage.running_order import MAX_ENTRIES, due_at
from server.flows.stage import running_order as flows
from server.flows.stage.running_order import Entry, OrderForm, RunningOrder
from server.ledger.drops.cues import DropCue


class EntryBody(Body):
    """One prepared drop, and one of: a time, a minute of the class, a second of the video. Without any of
    them it waits at its place for its teacher."""

    drop_id: Id
    at: Instant | None = None
    minute: Annotated[int, Field(ge=0, le=MAX_MINUTE)] | None = None
    video_seconds: Annotated[int, Field(ge=0, le=MAX_VIDEO_SECONDS)] | None = None


class OrderBody(Body):
    """The entries in their order, also as a bare list. `version`: that of the order which the writer has
    seen; another one is refused with wrong_state. Without it the order is written over any other."""

    entries: Annotated[list[EntryBody], Field(max_length=MAX_ENTRIES)]
    version: Id | None = None

    @model_validator(mode="before")
    @classmethod
    def _list_alone(cls, sent: Any) -> Any:
        return {"entries": sent} if isinstance(sent, list) else sent


class PositionBody(Body):
    video_seconds: Annotated[int, Field(ge=0, le=MAX_VIDEO_SECONDS)]


class EntryResponse(ResponseModel):
    """`state`: `waiting`, `fired`, `missed` (its moment was over by two minutes) or `refused` (`reason`: the
    code). `due_at`: when it fires, where a clock says so and nobody holds the order."""

    drop_id: str
    at: Moment | None = absent()
    minute: int | None = absent()
    video_seconds: int | None = absent()
    state: CueState
    reason: str | None = absent()
    due_at: Moment | None = absent()
    drop_state: DropState
    quantity: int


class RunningOrderResponse(ResponseModel):
    """`held`: nothing fires until it is resumed. `started_at`: when the class began, moved on by each hold.
    `video_seconds` and `video_at`: where the player was last, and when it said so. `version`: changes with
    the drops, their places and their moments; send it with the next PUT."""

    version: str
    entries: list[EntryResponse]
    held: bool
    held_by: str | None = absent()
    started_at: Moment | None
    video_seconds: int | None = absent()
    video_at: Moment | None = absent()
    now: Moment


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    return _answer(await flows.show_order(deps.ledger, request.path["room"]), request.now)


async def replace(
    deps: ApiDependencies, request: ApiRequest[OrderBody, NoQuery]
) -> ApiResponse | Refused:
    entries = []
    for number, sent in enumerate(request.body.entries):
        cue = _cue(sent)
        if cue is None:
            return invalid_field(f"entries.{number}", "several_moments")
        entries.append(Entry(sent.drop_id, cue))
    actor, room = request.identity.subject, request.path["room"]
    form = OrderForm(entries, request.body.version)
    written = await flows.write_order(deps.ledger, actor, room, form, request.now)
    return respond(written, lambda order: _response(order, request.now))


async def pause(
    deps: ApiDependencies, request: ApiRequest[ReasonBody, NoQuery]
) -> ApiResponse | Refused:
    actor, room, reason = request.identity.subject, request.path["room"], request.body.reason
    held = await flows.pause(deps.ledger, actor, room, request.now, reason)
    return _answer(held, request.now)


async def resume(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    actor, room = request.identity.subject, request.path["room"]
    return _answer(await flows.resume(deps.ledger, actor, room, request.now), request.now)


async def start(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    actor, room = request.identity.subject, request.path["room"]
    return _answer(await flows.start_class(deps.ledger, actor, room, request.now), request.now)


async def note_position(
    deps: ApiDependencies, request: ApiRequest[PositionBody, NoQuery]
) -> ApiResponse | Refused:
    seconds, room = request.body.video_seconds, request.path["room"]
    return _answer(await flows.note_position(deps.ledger, room, seconds, request.now), request.now)


def _cue(sent: EntryBody) -> Cue | None:
    """Return the cue; None where several moments were named."""
    named = [
        Cue(kind, value)
        for kind, value in (
            (CueKind.AT, sent.at),
            (CueKind.MINUTE, sent.minute),
            (CueKind.VIDEO, sent.video_seconds),
        )
        if value is not None
    ]
    if len(named) > 1:
        return None
    return named[0] if named else Cue(CueKind.HAND)


def _answer(order: RunningOrder, now: int) -> ApiResponse:
    return ApiResponse(_response(order, now))


def _response(order: RunningOrder, now: int) -> RunningOrderResponse:
    stage = order.stage
    return RunningOrderResponse(
        version=order.version,
        entries=[_entry(one, order) for one in order.entries],
        held=stage.is_held,
        held_by=stage.held_by,
        started_at=stage.started_at,
        video_seconds=stage.video_seconds,
        video_at=stage.video_at,
        now=now,
    )


def _entry(one: DropCue, order: RunningOrder) -> EntryResponse:
    kind, row = one.cue.kind, order.drops[one.drop_id]
    waits = one.state is CueState.WAITING and not order.stage.is_held
    return EntryResponse(
        drop_id=one.drop_id,
        at=one.cue.value if kind is CueKind.AT else None,
        minute=one.cue.value if kind is CueKind.MINUTE else None,
        video_seconds=one.cue.value if kind is CueKind.VIDEO else None,
        state=one.state,
        reason=one.reason,
        due_at=due_at(one.cue, order.stage) if waits else None,
        drop_state=DropState.SCHEDULED if row.state is DropState.OPENING else row.state,
        quantity=row.quantity,
    )


_ORDER = "/v1/rooms/{room}/running-order"

ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="PUT",
        path=_ORDER,
        rule=auth.INSTRUCTOR,
        handler=replace,
        body=OrderBody,
        response=RunningOrderResponse,
        summary="Write the running order: prepared drops, and when each opens by itself",
        refuses=(Code.INSTRUCTOR_STOPPED, Code.WRONG_STATE),
    ),
    Endpoint(
        method="GET",
        path=_ORDER,
        rule=auth.INSTRUCTOR_READ,
        handler=show,
        response=RunningOrderResponse,
        summary="Get the running order, and how far the class is",
    ),
    Endpoint(
        method="POST",
        path=f"{_ORDER}/hold",
        rule=auth.INSTRUCTOR,
        handler=pause,
        body=ReasonBody,
        response=RunningOrderResponse,
        summary="Hold the running order: nothing opens by itself. Repeatable",
    ),
    Endpoint(
        method="POST",
        path=f"{_ORDER}/resume",
        rule=auth.INSTRUCTOR,
        handler=resume,
        response=RunningOrderResponse,
        summary="Let the running order go on. Repeatable",
    ),
    Endpoint(
        method="POST",
        path=f"{_ORDER}/start",
        rule=auth.INSTRUCTOR,
        handler=start,
        response=RunningOrderResponse,
        summary="Begin the class now: its minutes count from here",
    ),
    Endpoint(
        method="POST",
        path=f"{_ORDER}/position",
        rule=auth.INSTRUCTOR,
        handler=note_position,
        body=PositionBody,
        response=RunningOrderResponse,
        summary="Tell where the video is; its player calls this every few seconds",
    ),
)
