"""Turn a refusal into `application/problem+json` (RFC 9457); holds the table of codes and statuses.

Called by `dispatch.py` for refusals of endpoints, and by `app.py` where no endpoint was reached. A problem
never repeats a value of the request: a token or a coupon's code must not appear in an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from starlette.responses import Response

from server.core.refusals import Code, Refused

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:classdrop:problem:"
_RETRY_AFTER_S = 1  # a lease or a fail-over takes about that long, in seconds


@dataclass(frozen=True, slots=True)
class ProblemKind:
    status: int
    title: str


KINDS: Mapping[Code, ProblemKind] = {
    Code.TOKEN_MISSING: ProblemKind(401, "A token is needed"),
    Code.TOKEN_INVALID: ProblemKind(401, "The token is not valid"),
    Code.TOKEN_EXPIRED: ProblemKind(401, "The token has expired"),
    Code.WRONG_ROLE: ProblemKind(403, "The token's role may not do this"),
    Code.WRONG_ROOM: ProblemKind(403, "The token does not name this room"),
    Code.BLOCKED: ProblemKind(403, "This account gets nothing now"),
    Code.INSTRUCTOR_STOPPED: ProblemKind(403, "This instructor may open nothing now"),
    Code.NOT_FOUND: ProblemKind(404, "There is no such thing"),
    Code.TICKET_INVALID: ProblemKind(404, "This is no ticket of ours"),
    Code.TICKET_EXPIRED: ProblemKind(410, "The code on the screen has changed"),
    Code.WRONG_METHOD: ProblemKind(405, "This path has other methods"),
    Code.STOCK_SHORT: ProblemKind(409, "Not enough units are left"),
    Code.LIMIT_REACHED: ProblemKind(409, "The student has as many as they may"),
    Code.COUPON_LOCKED: ProblemKind(409, "The coupon is on another order"),
    Code.COUPON_UNUSABLE: ProblemKind(409, "A coupon cannot be used"),
    Code.TOTAL_CHANGED: ProblemKind(409, "The total is another one now"),
    Code.IN_PROGRESS: ProblemKind(409, "The same request is being worked on"),
    Code.IDEMPOTENCY_MISMATCH: ProblemKind(409, "The key was used for another request"),
    Code.WRONG_STATE: ProblemKind(409, "Its state does not allow this"),
    Code.REFUND_TOO_LARGE: ProblemKind(409, "Not so much is left to be paid back"),
    Code.SUPPORT_LIMIT: ProblemKind(409, "Support has given as many coupons as it may today"),
    Code.TOO_MANY: ProblemKind(409, "There are as many as there may be"),
    Code.PRICE_RULE: ProblemKind(409, "It breaks a price rule"),
    Code.TOO_LARGE: ProblemKind(413, "The body is too large"),
    Code.UNSUPPORTED_MEDIA_TYPE: ProblemKind(415, "The body is not JSON by its headers"),
    Code.INVALID_FIELD: ProblemKind(422, "A field is not valid"),
    Code.RATE_LIMITED: ProblemKind(429, "Too many requests"),
    Code.INTERNAL: ProblemKind(500, "Something broke here"),
    Code.UNAVAILABLE: ProblemKind(503, "Not available for a moment"),
}


def problem(refused: Refused, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response. `headers` are added to those that the code itself brings."""
    kind = KINDS[refused.code]
    body = {
        **refused.facts,
        "type": TYPE_PREFIX + refused.code,
        "title": kind.title,
        "status": kind.status,
        "code": refused.code,
        "detail": refused.detail or kind.title,
    }
    return Response(
        orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS),
        kind.status,
        {**_headers_of(refused), **(headers or {})},
        MEDIA_TYPE,
    )


def _headers_of(refused: Refused) -> dict[str, str]:
    match refused.code:
        case Code.TOKEN_MISSING:
            return {"WWW-Authenticate": 'Bearer realm="classdrop"'}
        case Code.TOKEN_INVALID | Code.TOKEN_EXPIRED:
            return {"WWW-Authenticate": 'Bearer realm="classdrop", error="invalid_token"'}
        case Code.RATE_LIMITED | Code.UNAVAILABLE:
            return {"Retry-After": str(refused.facts.get("retry_after_s", _RETRY_AFTER_S))}
        case _:
            return {}
