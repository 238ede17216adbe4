"""What a call is: one row of the contract's table, and what its handler gets and gives.

Every resource's file ends with its `CALLS`; the router, the check of the token, the body's and the
query's models, the idempotency header and the OpenAPI document are all derived from them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from server.api.http.auth import Rule
from server.api.http.dependencies import ApiDependencies
from server.api.http.fields import Body, QueryFields
from server.core.identity import Identity
from server.core.refusals import Code, Refused
from server.ledger.idempotency import IdempotencyKey

B = TypeVar("B", bound=Body)
Q = TypeVar("Q", bound=QueryFields)


class NoBody(Body):
    """A call without a body: nothing, or an object without fields, may be sent."""


class NoQuery(QueryFields):
    """A call that takes nothing after the question mark."""


@dataclass(frozen=True, slots=True)
class ApiRequest(Generic[B, Q]):
    """A request that was let in and understood. `path` holds the names of the path; `now` is ms;
    `address` whose the caller's connection is, behind the proxies we trust."""

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
    """`body` is a model, or JSON that was encoded before. `status` None: the call's own."""

    body: BaseModel | bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer that is made while it is read, piece by piece, outside the deadline: whoever reads slowly
    keeps nobody waiting. Where a piece cannot be made the answer is cut off, and is seen to be."""

    pieces: AsyncIterator[bytes]
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[ApiDependencies, ApiRequest[B, Q]], Awaitable[ApiResponse | Streamed | Refused]]


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[B, Q]):
    """`body` and `query` are those that the handler is asked with. `refuses`: the codes of its own,
    besides those that follow from token, body and path. `is_create`: takes an Idempotency-Key.
    `needs_version`: takes If-Match. `streams`: another media type it answers in."""

    method: Literal["GET", "POST", "PUT", "PATCH"]
    path: str
    rule: Rule
    handler: Handler[B, Q]
    answer: type[BaseModel]
    summary: str
    # Of a handler that is asked with neither, which the type checker cannot see here.
    body: type[B] = NoBody  # type: ignore[assignment]
    query: type[Q] = NoQuery  # type: ignore[assignment]
    status: int = 200
    refuses: tuple[Code, ...] = ()
    is_create: bool = False
    needs_version: bool = False
    streams: str = ""

    @property
    def has_body(self) -> bool:
        return self.body is not NoBody


AnyCall = Endpoint[Any, Any]
