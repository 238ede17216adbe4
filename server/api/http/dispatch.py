"""What happens to every request, in this order: token, role, room, headers, body, handler, answer.

Called by `app.py`, once a call. Nothing is read of the body before the caller may make the call, and
nothing takes longer than the deadline.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter

import orjson
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from server.api.http import auth, request_body, validation_errors
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyCall, ApiRequest, ApiResponse, NoBody, Streamed
from server.api.http.fields import ROOM_PATTERN, Body, QueryFields, ReadingContext
from server.api.http.problems import KINDS, problem
from server.core import media_types
from server.core.identity import Identity
from server.core.refusals import Code, Refused, invalid_field
from server.desk import DeskUnavailableError
from server.ledger.engine import LedgerUnavailableError
from server.ledger.idempotency import IdempotencyKey

_ROOM = re.compile(ROOM_PATTERN)
_ID = re.compile(r"[A-Za-z0-9_]{1,40}")
_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_ORDER = re.compile(r"[^\x00]{1,64}", re.DOTALL)
_TYPED = re.compile(r".{1,64}")  # a code as somebody reads it out
_PATTERNS = {"room": _ROOM, "id": _ID, "order_id": _ORDER, "code": _TYPED}


def endpoint(call: AnyCall, parts: ApiDependencies) -> Callable[[Request], Awaitable[Response]]:
    """The call as Starlette wants it. An exception that is no refusal passes: it is counted here and
    answered by `app.py`."""
    route = f"{call.method} {call.path}"
    duration = parts.metrics.http_duration.labels(route)
    requests = parts.metrics.http_requests

    async def serve(request: Request) -> Response:
        begun, status = perf_counter(), KINDS[Code.INTERNAL].status
        try:
            answer = await _answer_in_time(call, parts, request)
            response = _response(call, answer)
            status = response.status_code
            return response
        finally:
            requests.labels(route, status).inc()
            duration.observe(perf_counter() - begun)

    return serve


_Answered = ApiResponse | Streamed | Refused


async def _answer_in_time(call: AnyCall, parts: ApiDependencies, request: Request) -> _Answered:
    deadline = asyncio.timeout(parts.deadline_s)
    try:
        async with deadline:
            return await _answer(call, parts, request)
    except (LedgerUnavailableError, DeskUnavailableError):
        return Refused(Code.UNAVAILABLE)
    except TimeoutError:
        if not deadline.expired():
            raise
        return Refused(Code.UNAVAILABLE, "it took too long")


async def _answer(call: AnyCall, parts: ApiDependencies, request: Request) -> _Answered:
    now = parts.clock()
    identity = _admitted(call, parts, request, now)
    if isinstance(identity, Refused):
        return identity
    query = _read_query(call, request)
    if isinstance(query, Refused):
        return query
    sent = await _read_sent(call, parts, request)
    if isinstance(sent, Refused):
        return sent
    key = _idempotency_key(call, request, identity, sent)
    if isinstance(key, Refused):
        return key
    asked = ApiRequest(
        identity=identity,
        path=request.path_params,
        query=query,
        body=sent.body,
        now=now,
        key=key,
        if_match=request.headers.get("if-match"),
        accept=request.headers.get("accept", ""),
        address=request.client.host if request.client else "",
    )
    return await call.handler(parts, asked)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A body, and the hash of its JSON as it was sent, unknown fields too."""

    body: Body
    hash: str = ""


def _admitted(
    call: AnyCall, parts: ApiDependencies, request: Request, now: int
) -> Identity | Refused:
    identity = auth.identify(parts.token_keys, request.headers.get("authorization"), now)
    if isinstance(identity, Refused):
        return identity
    refused = call.rule.refusal(identity, request.path_params.get("room"))
    return refused or _misnamed(request.path_params) or identity


def _misnamed(path: Mapping[str, str]) -> Refused | None:
    """A name that nothing can have is the name of nothing."""
    for kind, name in path.items():
        if not _PATTERNS[kind].fullmatch(name):
            return Refused(Code.NOT_FOUND)
    return None


def _read_query(call: AnyCall, request: Request) -> QueryFields | Refused:
    given = dict(request.query_params)
    for name, value in given.items():
        if "\0" in value:
            return invalid_field(request_body.field_name(name), "bad_character")
    try:
        query: QueryFields = call.query.model_validate(given)
    except ValidationError as error:
        return validation_errors.refusal_of(error, given)
    return query


async def _read_sent(call: AnyCall, parts: ApiDependencies, request: Request) -> _Sent | Refused:
    if call.method == "GET":
        return _Sent(NoBody())
    raw = await request_body.read_body(request)
    if isinstance(raw, Refused):
        return raw
    stacking_conflict = _objection(request) if raw else None
    if stacking_conflict is not None:
        return Refused(Code.UNSUPPORTED_MEDIA_TYPE, stacking_conflict)
    json = request_body.decode(raw or b"{}")
    if isinstance(json, Refused):
        return json
    try:
        body = call.body.model_validate(json, context=ReadingContext(parts.time_zone))
    except ValidationError as error:
        return validation_errors.refusal_of(error, json)
    return _Sent(body, request_body.body_hash(json))


def _objection(request: Request) -> str | None:
    headers = request.headers
    return media_types.stacking_conflict(
        headers.get("content-type"), headers.get("content-encoding")
    )


def _idempotency_key(
    call: AnyCall, request: Request, identity: Identity, sent: _Sent
) -> IdempotencyKey | Refused | None:
    key = request.headers.get("idempotency-key")
    if key is None or not call.is_create:
        return None
    if not _KEY.fullmatch(key):
        return invalid_field("Idempotency-Key", "too_long" if len(key) > 255 else "bad_format")
    return IdempotencyKey(
        subject=identity.subject, path=request.scope["path"], key=key, body_hash=sent.hash
    )


def _response(call: AnyCall, answer: _Answered) -> Response:
    if isinstance(answer, Refused):
        return problem(answer)
    if isinstance(answer, Streamed):
        return StreamingResponse(
            answer.pieces, call.status, dict(answer.headers), answer.media_type
        )
    content = answer.body
    if isinstance(content, BaseModel):
        content = orjson.dumps(content.model_dump(mode="json", by_alias=True))
    status = call.status if answer.status is None else answer.status
    return Response(content, status, dict(answer.headers), "application/json")
