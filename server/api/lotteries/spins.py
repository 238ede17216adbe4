"""/v1/lotteries/{id}/spins: a student spins, and sees their spins; operators see all.

The result is decided here before a face shows anything.
"""

from datetime import date

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    NoBody,
    NoQuery,
)
from server.api.http.paging import first_page
from server.api.lotteries.lotteries import prize_name
from server.api.lotteries.lottery_models import (
    PrizeCouponResponse,
    SpinBody,
    SpinPageResponse,
    SpinRecordResponse,
    SpinResponse,
    SpinsQuery,
    WonPrizeResponse,
)
from server.core.access.blocks import BLOCKED
from server.core.coupons.coupons import Coupon
from server.core.identity import Role
from server.core.ids import StudentId
from server.core.lotteries.draw import commitment_of
from server.core.lotteries.spins import Spin
from server.core.refusals import Code, Refused
from server.flows.coupons.issuing.drive_issuances import IssueParts
from server.flows.lotteries import show_spins
from server.flows.lotteries.draw_spins import SpinRequest
from server.ledger.lotteries.days import SeedOfDay
from server.ledger.lotteries.spins import SpinFilter


async def create(
    deps: ApiDependencies, request: ApiRequest[SpinBody, NoQuery]
) -> ApiResponse | Refused:
    identity, lottery_id = request.identity, request.path["id"]
    wait_ms = deps.spin_limiter.admit(identity.subject, request.now)
    if wait_ms is not None:
        facts = {"retry_after_s": max(1, -(-wait_ms // 1000))}
        return Refused(Code.RATE_LIMITED, "too many spins", facts)
    if deps.access.is_blocked(identity, request.now):
        return BLOCKED
    parts = IssueParts(deps.ledger, deps.drop_desk, deps.clock, deps.time_zone)
    wanted = SpinRequest(StudentId(identity.subject), request.body.request_id)
    spin = await deps.spin_queue.spin(parts, lottery_id, wanted)
    if isinstance(spin, Refused):
        return spin
    won = await show_spins.what_it_won(deps.ledger, spin)
    prize = coupon = None
    if won is not None and spin.place is not None:
        coupon = won.coupon
        name = prize_name(won.lottery.form, spin.place, coupon.template.form.name)
        prize = WonPrizeResponse(place=spin.place, name=name, batch_id=coupon.batch_id)
    return ApiResponse(_response(spin, prize, coupon))


def _response(spin: Spin, prize: WonPrizeResponse | None, coupon: Coupon | None) -> SpinResponse:
    assert spin.outcome is not None  # the queue answers when it is decided
    is_spun = spin.n is not None
    return SpinResponse(
        request_id=spin.request_id,
        lottery_id=spin.lottery_id,
        outcome=spin.outcome,
        id=spin.id if is_spun else None,
        n=spin.n,
        day=date.fromordinal(spin.day) if is_spun else None,
        number=spin.number,
        drawn=spin.drawn,
        prize=prize,
        coupon=None if coupon is None else _coupon(coupon),
    )


def _coupon(coupon: Coupon) -> PrizeCouponResponse:
    return PrizeCouponResponse(
        id=coupon.id,
        code=coupon.code,
        name=coupon.template.form.name,
        batch_id=coupon.batch_id,
        valid_from=coupon.valid_from,
        valid_until=coupon.valid_until,
        use_by=coupon.use_by,
    )


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, SpinsQuery]
) -> ApiResponse | Refused:
    query, identity = request.query, request.identity
    student = identity.subject if identity.role is Role.STUDENT else query.student
    wanted = SpinFilter(request.path["id"], student, query.outcome)
    found = await show_spins.list_spins(deps.ledger, wanted, query.after, query.limit + 1)
    if isinstance(found, Refused):
        return found
    page, following = first_page(found.spins, query.limit)
    records = [_record(one, found.seeds[one.day]) for one in page]
    return ApiResponse(SpinPageResponse(spins=records, next=following))


def _record(spin: Spin, seed: SeedOfDay) -> SpinRecordResponse:
    assert spin.n is not None  # the list has no refusals
    assert spin.number is not None
    assert spin.drawn is not None
    return SpinRecordResponse(
        id=spin.id,
        student=spin.student,
        request_id=spin.request_id,
        n=spin.n,
        day=date.fromordinal(spin.day),
        at=spin.at,
        number=spin.number,
        drawn=spin.drawn,
        outcome=spin.outcome,
        prize=None if spin.outcome is None else spin.place,
        coupon_id=spin.coupon_id,
        commitment=commitment_of(seed.seed),
        seed=None if seed.published_at is None else seed.seed.hex(),
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/lotteries/{id}/spins",
        rule=auth.STUDENT,
        handler=create,
        body=SpinBody,
        response=SpinResponse,
        summary="Spin; responds 200 with every outcome",
        refuses=(Code.RATE_LIMITED, Code.BLOCKED),
    ),
    Endpoint(
        method="GET",
        path="/v1/lotteries/{id}/spins",
        rule=auth.SPINS_READ,
        handler=index,
        query=SpinsQuery,
        response=SpinPageResponse,
        summary="List my spins with what is needed to compute them again; operators see everybody's",
    ),
)
