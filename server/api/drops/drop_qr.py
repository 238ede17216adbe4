"""GET /v1/rooms/{room}/drops/{id}/qr.svg: a code for the screen of a class; it leads to the room's page.

Whoever scans it signs in at the school, and claims on the card of the room as everybody else does: the code
lets nobody in whose token lacks the room.
"""

from server.api.drops.drops import drop_and_room, service_of
from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    Endpoint,
    NoBody,
    StreamedResponse,
)
from server.api.http.qr_codes import SVG, QrQuery, QrResponse, svg_response
from server.core.refusals import Refused


async def qr(
    deps: ApiDependencies, request: ApiRequest[NoBody, QrQuery]
) -> StreamedResponse | Refused:
    found = await service_of(deps, request).get(*drop_and_room(request), request.now)
    if isinstance(found, Refused):
        return found
    url = f"{deps.pages_url or deps.public_url}/rooms/{found.room}"
    return svg_response(url, request.query.size)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/rooms/{room}/drops/{id}/qr.svg",
        rule=auth.SCREEN_READ,
        handler=qr,
        query=QrQuery,
        response=QrResponse,
        streams=SVG,
        summary="The QR code of the room in which a drop can be claimed",
    ),
)
