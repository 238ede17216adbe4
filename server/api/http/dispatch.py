"""The steps of every request, in this order: token, role, room, headers, body, handler, response.

Called by `app.py`, once for each endpoint. No byte of the body is read before the caller is authorized,
and no request takes longer than the deadline. Knows no resource.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from zoneinfo import ZoneInfo

import orjson
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from server.api.http import auth, request_body, validation_errors
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    NoBody,
    Result,
    StreamedResponse,
    UploadBody,
)
from server.api.http.fields import ROOM_PATTERN, Body, QueryFields, ReadingContext
from server.api.http.problems import KINDS, problem
from server.api.http.public_endpoints import RequestHandler
from server.core import media_types
from server.core.identity import Identity
from server.core.refusals import Code, Refused, invalid_field
from server.desk import DeskUnavailableError
from server.ledger.database_errors import LedgerUnavailableError
from server.ledger.idempotency import IdempotencyKey

_ROOM = re.compile(ROOM_PATTERN)
_ID = re.compile(r"[A-Za-z0-9_]{1,40}")
_TICKET = re.compile(r"[^/]{1,200}")  # read_ticket says what it has to be
_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_ORDER = re.compile(r"[^\x00]{1,64}", re.DOTALL)
_TYPED_CODE = re.compile(r".{1,64}")  # typed by a person: with dashes and spaces, in any case
_PATTERNS = {
    "room": _ROOM,
    "id": _ID,
    "sub": _ROOM,
    "student": _ROOM,
    "other": _ROOM,  # the student into whom another is merged
    "order_id": _ORDER,
    "ticket": _TICKET,
    "code": _TYPED_CODE,
}


def request_handler(endpoint: AnyEndpoint, deps: ApiDependencies) -> RequestHandler:
    """Return the endpoint as a function that Starlette can route to.

    An exception that is not a refusal passes through: it is counted here as a 500, and `app.py` makes the
    response.
    """
    route = f"{endpoint.method} {endpoint.path}"
    durations, requests = deps.metrics.http_duration, deps.metrics.http_requests

    async def serve(request: Request) -> Response:
        started, status = perf_counter(), KINDS[Code.INTERNAL].status
        try:
            result = await _handle_within_deadline(endpoint, deps, request)
            response = _to_response(endpoint, result)
            status = response.status_code
            return response
        finally:
            requests.labels(route, status).inc()
            # Not before the first request: 170 routes with a histogram each are 2,600 lines of `/metrics`.
            durations.labels(route).observe(perf_counter() - started)

    return serve


async def _handle_within_deadline(
    endpoint: AnyEndpoint, deps: ApiDependencies, request: Request
) -> Result:
    deadline = asyncio.timeout(endpoint.deadline_s or deps.deadline_s)
    try:
        async with deadline:
            return await _handle(endpoint, deps, request)
    except (LedgerUnavailableError, DeskUnavailableError):
        return Refused(Code.UNAVAILABLE)
    except TimeoutError:
        # A TimeoutError of the handler itself is a bug, not a slow request.
        if not deadline.expired():
            raise
        return Refused(Code.UNAVAILABLE, "it took too long")


async def _handle(endpoint: AnyEndpoint, deps: ApiDependencies, request: Request) -> Result:
    now = deps.clock()
    identity = _authorize(endpoint, deps, request, now)
    if isinstance(identity, Refused):
        return identity
    query = _parse_query(endpoint, request, deps.time_zone)
    if isinstance(query, Refused):
        return query
    parsed = await _parse_body(endpoint, deps, request)
    if isinstance(parsed, Refused):
        return parsed
    key = _idempotency_key(endpoint, request, identity, parsed)
    if isinstance(key, Refused):
        return key
    api_request = ApiRequest(
        identity=identity,
        path=request.path_params,
        query=query,
        body=parsed.body,
        now=now,
        key=key,
        if_match=request.headers.get("if-match"),
        accept=request.headers.get("accept", ""),
        address=request.client.host if request.client else "",
    )
    return await endpoint.handler(deps, api_request)


@dataclass(frozen=True, slots=True)
class _ParsedBody:
    """A validated body. `hash` is that of the JSON as it was sent, which identifies a repeated request."""

    body: Body
    hash: str = ""


def _authorize(
    endpoint: AnyEndpoint, deps: ApiDependencies, request: Request, now: int
) -> Identity | Refused:
    identity = auth.identify(deps.token_keys, request.headers.get("authorization"), now)
    if isinstance(identity, Refused):
        return identity
    refused = endpoint.rule.refusal(identity, request.path_params.get("room"))
    return refused or _malformed_path(request.path_params) or identity


def _malformed_path(path: Mapping[str, str]) -> Refused | None:
    """Return not_found for a name that no resource can have, so that it never reaches a database."""
    for kind, name in path.items():
        if not _PATTERNS[kind].fullmatch(name):
            return Refused(Code.NOT_FOUND)
    return None


def _parse_query(
    endpoint: AnyEndpoint, request: Request, time_zone: ZoneInfo
) -> QueryFields | Refused:
    sent = dict(request.query_params)
    for name, value in sent.items():
        if "\0" in value:
            return invalid_field(request_body.field_name(name), "bad_character")
    try:
        query: QueryFields = endpoint.query.model_validate(sent, context=ReadingContext(time_zone))
    except ValidationError as error:
        return validation_errors.refusal_of(error, sent)
    return query


async def _parse_body(
    endpoint: AnyEndpoint, deps: ApiDependencies, request: Request
) -> _ParsedBody | Refused:
    if endpoint.method == "GET":
        return _ParsedBody(NoBody())
    raw = await request_body.read_body(request, endpoint.max_body)
    if isinstance(raw, Refused):
        return raw
    if endpoint.uploads:
        return await _uploaded(request, raw)
    fault = _media_type_fault(request) if raw else None
    if fault is not None:
        return Refused(Code.UNSUPPORTED_MEDIA_TYPE, fault)
    if len(raw) > request_body.MAX_BODY_BYTES:
        return await asyncio.to_thread(_validate_body, endpoint, deps, raw)
    return _validate_body(endpoint, deps, raw)


async def _uploaded(request: Request, raw: bytes) -> _ParsedBody | Refused:
    """Return the file as it was sent; its flow says what is in it."""
    content_type = request.headers.get("content-type")
    fault = media_types.table_type_fault(content_type, request.headers.get("content-encoding"))
    if fault is not None:
        return Refused(Code.UNSUPPORTED_MEDIA_TYPE, fault)
    body = UploadBody(content=raw, charset=media_types.charset_of(content_type))
    is_keyed = "idempotency-key" in request.headers
    return _ParsedBody(
        body, await asyncio.to_thread(request_body.file_hash, raw) if is_keyed else ""
    )


def _validate_body(
    endpoint: AnyEndpoint, deps: ApiDependencies, raw: bytes
) -> _ParsedBody | Refused:
    json = request_body.decode(raw or b"{}")
    if isinstance(json, Refused):
        return json
    try:
        body = endpoint.body.model_validate(json, context=ReadingContext(deps.time_zone))
    except ValidationError as error:
        return validation_errors.refusal_of(error, json)
    return _ParsedBody(body, request_body.body_hash(json))


def _media_type_fault(request: Request) -> str | None:
    headers = request.headers
    return media_types.media_type_fault(
        headers.get("content-type"), headers.get("content-encoding")
    )


def _idempotency_key(
    endpoint: AnyEndpoint, request: Request, identity: Identity, parsed: _ParsedBody
) -> IdempotencyKey | Refused | None:
    key = request.headers.get("idempotency-key")
    if key is None or not endpoint.is_create:
        return None
    if not _KEY.fullmatch(key):
        return invalid_field("Idempotency-Key", "too_long" if len(key) > 255 else "bad_format")
    return IdempotencyKey(
        subject=identity.subject, path=request.scope["path"], key=key, body_hash=parsed.hash
    )


def _to_response(endpoint: AnyEndpoint, result: Result) -> Response:
    if isinstance(result, Refused):
        return problem(result)
    if isinstance(result, StreamedResponse):
        return StreamingResponse(
            result.pieces, endpoint.status, dict(result.headers), result.media_type
        )
    content = result.body
    if isinstance(content, BaseModel):
        content = orjson.dumps(content.model_dump(mode="json", by_alias=True))
    status = endpoint.status if result.status is None else result.status
    return Response(content, status, dict(result.headers), "application/json")
