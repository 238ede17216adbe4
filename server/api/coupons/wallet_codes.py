"""POST /v1/me/coupons: a student types a code, and its coupon is put into their wallet.

The response is the same for every code that they cannot have, be it unknown, mistyped, voided or somebody
else's, so that a guess reveals nothing.
"""

from typing import Annotated

from pydantic import StringConstraints

from server.api.coupons.wallet import CouponResponse, coupon_response
from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    NoQuery,
    respond,
)
from server.api.http.fields import Body
from server.core.identity import Identity
from server.core.ids import StudentId
from server.core.refusals import Code, Refused
from server.flows.access.watch import note_wrong_code
from server.flows.coupons.bind_code import Account, bind_code


class CodeBody(Body):
    """`code` as it was typed: in any case, with or without dashes, O for 0."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=200)]


async def bind(
    deps: ApiDependencies, request: ApiRequest[CodeBody, NoQuery]
) -> ApiResponse | Refused:
    student, limiter = request.identity.subject, deps.guess_limiter
    wait_ms = limiter.admit(student, request.address, request.now)
    if wait_ms:
        wait_s = -(-wait_ms // 1000)
        return Refused(Code.RATE_LIMITED, "too many wrong codes", {"retry_after_s": wait_s})
    account = _account(request.identity)
    bound = await bind_code(deps.ledger, deps.drop_desk, account, request.body.code, request.now)
    if isinstance(bound, Refused) and bound.code is Code.NOT_FOUND:
        await note_wrong_code(deps.ledger, student, request.now)
        return bound
    limiter.code_was_valid(student, request.address)
    return respond(bound, lambda coupon: coupon_response(coupon, request.now))


def _account(identity: Identity) -> Account:
    return Account(
        student=StudentId(identity.subject),
        tags=identity.tags,
        is_new=identity.is_new,
        person=identity.person,
        device=identity.device,
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/me/coupons",
        rule=auth.STUDENT,
        handler=bind,
        body=CodeBody,
        response=CouponResponse,
        summary="Put the coupon of a code into my wallet. Repeatable",
        refuses=(
            Code.NOT_FOUND,
            Code.BLOCKED,
            Code.LIMIT_REACHED,
            Code.WRONG_STATE,
            Code.RATE_LIMITED,
        ),
    ),
)
