"""One endpoint of the HTTP API as data, and what its handler receives and returns.

Every resource's module ends with its `ENDPOINTS`. The router, the check of the token, the models of body
and query, the Idempotency-Key and the OpenAPI document are all derived from these rows.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from server.api.http.auth import Rule
from server.api.http.dependencies import ApiDependencies
from server.api.http.fields import Body, QueryFields
from server.api.http.request_body import MAX_BODY_BYTES
from server.core.identity import Identity
from server.core.refusals import Code, Refused
from server.ledger.idempotency import IdempotencyKey

B = TypeVar("B", bound=Body)
Q = TypeVar("Q", bound=QueryFields)
R = TypeVar("R")


class NoBody(Body):
    """The body of an endpoint that takes none: no bytes, or an object without fields."""


class UploadBody(Body):
    """A body that is a file. `charset` is that of its Content-Type, in small letters."""

    content: bytes
    charset: str | None = None


class NoQuery(QueryFields):
    """The query of an endpoint that takes no query parameters."""


@dataclass(frozen=True, slots=True)
class ApiRequest(Generic[B, Q]):
    """A request that passed authorization and validation.

    `path` holds the path parameters by name, `now` is in ms since 1970 UTC. `address` is the client's
    address, behind the trusted proxies.
    """

    identity: Identity
    path: Mapping[str, str]
    query: Q
    body: B
    now: int
    key: IdempotencyKey | None = None
    if_match: str | None = None
    accept: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """`body` is a response model, or JSON that is encoded already. `status` None: the endpoint's own."""

    body: BaseModel | bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None


def respond(result: R | Refused, to_response: Callable[[R], BaseModel]) -> ApiResponse | Refused:
    """Return a refusal unchanged, and any other result as the response that `to_response` makes of it."""
    return result if isinstance(result, Refused) else ApiResponse(to_response(result))


@dataclass(frozen=True, slots=True)
class StreamedResponse:
    """A response whose pieces are made while it is sent.

    Sending is outside the request deadline, so a slow reader is not cut off and delays nobody else. When a
    piece cannot be made, the connection is closed before the end, so the client notices the truncation.
    """

    pieces: AsyncIterator[bytes]
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


Result = ApiResponse | StreamedResponse | Refused
Handler = Callable[[ApiDependencies, ApiRequest[B, Q]], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[B, Q]):
    """`body`, `query` and `response` are the models that the handler receives and returns.

    `refuses` lists the refusal codes of this endpoint alone, in addition to those that follow from token,
    body and path. `is_create`: accepts an Idempotency-Key. `needs_version`: requires If-Match. `streams`:
    a second media type that it can respond with. `deadline_s`: of one that waits on purpose, or for a large
    body; None: that of all endpoints. `max_body`: bytes of its body; one above MAX_BODY_BYTES is decoded in a
    thread, so that lists of thousands do not hold up the loop. `uploads`: the media types of a body that is a
    file (UploadBody).
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    rule: Rule
    handler: Handler[B, Q]
    response: type[BaseModel]
    summary: str
    # The type checker cannot know that B is NoBody where the argument is left out.
    body: type[B] = NoBody  # type: ignore[assignment]
    query: type[Q] = NoQuery  # type: ignore[assignment]
    status: int = 200
    refuses: tuple[Code, ...] = ()
    is_create: bool = False
    needs_version: bool = False
    streams: str = ""
    deadline_s: float | None = None
    max_body: int = MAX_BODY_BYTES
    uploads: tuple[str, ...] = ()

    @property
    def has_body(self) -> bool:
        return self.body is not NoBody


AnyEndpoint = Endpoint[Any, Any]
