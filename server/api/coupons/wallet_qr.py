"""GET /v1/me/coupons/{id}/qr.svg: the code of a student's own coupon, to be shown at a counter.

The picture holds the code alone, no address: a till reads it into the field where it would be typed.
"""

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, Endpoint, NoBody, StreamedResponse
from server.api.http.qr_codes import SVG, QrQuery, QrResponse, svg_response
from server.core.refusals import Refused
from server.flows.coupons.wallet import find_own


async def qr(
    deps: ApiDependencies, request: ApiRequest[NoBody, QrQuery]
) -> StreamedResponse | Refused:
    found = await find_own(deps.ledger, request.identity.subject, request.path["id"])
    if isinstance(found, Refused):
        return found
    return svg_response(found.code, request.query.size)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/me/coupons/{id}/qr.svg",
        rule=auth.STUDENT,
        handler=qr,
        query=QrQuery,
        response=QrResponse,
        streams=SVG,
        summary="The QR code of one of my coupons",
    ),
)
