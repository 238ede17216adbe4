"""POST /v1/me/coupons: a student types a code, and its coupon lies in their wallet.

One answer for every code that is not theirs to have: unknown, mistyped, voided, somebody else's.
"""

from typing import Annotated

from pydantic import StringConstraints

from server.api.coupons.wallet import CouponResponse, coupon_response
from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoQuery
from server.api.http.fields import Body
from server.core.ids import StudentId
from server.core.refusals import Code, Refused
from server.flows.coupons.bind_code import Account, bind_code


class CodeBody(Body):
    """As it was typed: any case, dashes or none, O for 0."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=200)]


async def bind(
    deps: ApiDependencies, request: ApiRequest[CodeBody, NoQuery]
) -> ApiResponse | Refused:
    student, limiter = request.identity.subject, deps.guess_limiter
    wait_ms = limiter.admit(student, request.address, request.now)
    if wait_ms:
        wait_s = -(-wait_ms // 1000)
        return Refused(Code.RATE_LIMITED, "too many wrong codes", {"retry_after_s": wait_s})
    account = Account(StudentId(student), request.identity.tags, request.identity.is_new)
    bound = await bind_code(deps.ledger, deps.drop_desk, account, request.body.code, request.now)
    if isinstance(bound, Refused) and bound.code is Code.NOT_FOUND:
        return bound
    limiter.code_was_valid(student, request.address)
    return bound if isinstance(bound, Refused) else ApiResponse(coupon_response(bound, request.now))


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/me/coupons",
        rule=auth.STUDENT,
        handler=bind,
        body=CodeBody,
        response=CouponResponse,
        summary="Put the coupon of a code into my wallet; again for one that is there: the same",
        refuses=(Code.NOT_FOUND, Code.LIMIT_REACHED, Code.WRONG_STATE, Code.RATE_LIMITED),
    ),
)
