"""POST /v1/me/coupons: a student types a code, and its coupon lies in their wallet.

One answer for every code that is not theirs to have: unknown, mistyped, voided, somebody else's.
"""

from typing import Annotated

from pydantic import StringConstraints

from server.api.coupons.wallet import CouponResponse, coupon_shown
from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyCall, ApiRequest, ApiResponse, Endpoint, NoQuery
from server.api.http.fields import Body
from server.core.refusals import Code, Refused
from server.flows.coupons.bind_code import Account, bind_code


class CodeBody(Body):
    """As it was typed: any case, dashes or none, O for 0."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=200)]


async def bind(
    parts: ApiDependencies, asked: ApiRequest[CodeBody, NoQuery]
) -> ApiResponse | Refused:
    student, limiter = asked.identity.subject, parts.guess_limiter
    wait_ms = limiter.admit(student, asked.address, asked.now)
    if wait_ms:
        wait_s = -(-wait_ms // 1000)
        return Refused(Code.RATE_LIMITED, "too many wrong codes", {"retry_after_s": wait_s})
    account = Account(student, asked.identity.tags, asked.identity.is_new)
    bound = await bind_code(parts.ledger, parts.drop_desk, account, asked.body.code, asked.now)
    if isinstance(bound, Refused) and bound.code is Code.NOT_FOUND:
        return bound
    limiter.was_right(student, asked.address)
    return bound if isinstance(bound, Refused) else ApiResponse(coupon_shown(bound, asked.now))


CALLS: tuple[AnyCall, ...] = (
    Endpoint(
        method="POST",
        path="/v1/me/coupons",
        rule=auth.STUDENT,
        handler=bind,
        body=CodeBody,
        answer=CouponResponse,
        summary="Put the coupon of a code into my wallet; again for one that is there: the same",
        refuses=(Code.NOT_FOUND, Code.LIMIT_REACHED, Code.WRONG_STATE, Code.RATE_LIMITED),
    ),
)
