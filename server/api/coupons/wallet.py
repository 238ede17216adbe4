"""GET /v1/me/coupons: a student's coupons, and the claims that are won and not confirmed yet."""

from typing import Literal

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoBody
from server.api.http.fields import Moment, ResponseModel, absent
from server.api.http.paging import PageQuery
from server.api.promotions.templates import TemplateResponse, template_response
from server.core.coupons.coupons import UNMOVED, Coupon, CouponState, Standing
from server.core.drops.claims import ClaimState
from server.core.identity import Identity
from server.core.refusals import Refused
from server.flows.coupons.wallet import WalletQuery, show_wallet

WalletState = Literal["usable", "locked", "redeemed", "expired", "released", "revoked"]


class CouponsQuery(PageQuery):
    state: WalletState | None = None


class CouponResponse(ResponseModel):
    """`use_by` is the one date to show to the student. `template` is the version that it was issued from.
    `version` counts its changes of state. `order_id` is present while it is locked or redeemed,
    `locked_until` while it is locked, `redeemed_at` once it is used."""

    id: str
    code: str
    state: WalletState
    name: str
    template: TemplateResponse
    valid_from: Moment
    valid_until: Moment
    use_by: Moment
    drop_id: str | None = absent()
    batch_id: str
    version: int | None = absent()
    order_id: str | None = absent()
    locked_until: Moment | None = absent()
    redeemed_at: Moment | None = absent()


class PendingResponse(ResponseModel):
    drop_id: str
    state: Literal["won"]
    won_at: Moment


class WalletResponse(ResponseModel):
    coupons: list[CouponResponse]
    pending: list[PendingResponse]
    next: str | None


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, CouponsQuery]
) -> ApiResponse | Refused:
    query = request.query
    # Read before the wallet: a claim that is confirmed in between is then in both lists, never in neither.
    pending = [] if query.after else await _pending(deps, request.identity)
    page = await show_wallet(
        deps.ledger,
        WalletQuery(
            student=request.identity.subject,
            seen=CouponState(query.state) if query.state else None,
            after=query.after,
            limit=query.limit,
        ),
        request.now,
    )
    coupons = [
        coupon_response(coupon, request.now, page.standings[coupon.id]) for coupon in page.coupons
    ]
    return ApiResponse(WalletResponse(coupons=coupons, pending=pending, next=page.next))


async def _pending(deps: ApiDependencies, identity: Identity) -> list[PendingResponse]:
    """Return the student's claims that are won, in the drops that their rooms show.

    Read from the desk: the ledger has a claim only once it is confirmed.
    """
    drops = [
        drop for room in sorted(identity.rooms) for drop in (await deps.feed.state(room)).drops
    ]
    if not drops:
        return []
    won_claims = await deps.drop_desk.claims_of(
        [(drop.shard, drop.id, [identity.subject]) for drop in drops]
    )
    return [
        PendingResponse(drop_id=drop.id, state="won", won_at=claim.won_at)
        for drop, (claim,) in zip(drops, won_claims, strict=True)
        if claim is not None and claim.state is ClaimState.WON
    ]


def coupon_response(coupon: Coupon, now: int, standing: Standing = UNMOVED) -> CouponResponse:
    return CouponResponse.model_validate(
        {
            "id": coupon.id,
            "code": coupon.code,
            "state": coupon.seen_at(now).value,
            "name": coupon.template.form.name,
            "template": template_response(coupon.template),
            "valid_from": coupon.valid_from,
            "valid_until": coupon.valid_until,
            "use_by": coupon.use_by,
            "drop_id": coupon.drop_id,
            "batch_id": coupon.batch_id,
            "version": standing.version or None,
            "order_id": standing.order_id,
            "locked_until": standing.locked_until,
            "redeemed_at": standing.redeemed_at,
        }
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/me/coupons",
        rule=auth.STUDENT,
        handler=index,
        query=CouponsQuery,
        response=WalletResponse,
        summary="List my coupons, newest first, and my claims that are won but not confirmed yet",
    ),
)
