"""POST /v1/rooms/{room}/screen: a link for the projector of a class, good for one school day.

Its token reads the room and does nothing. It has its maker's `sub`: who takes that person's tokens away takes
the screens away too.
"""

import secrets
from typing import Final

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
from server.api.http.fields import Moment, ResponseModel
from server.core.identity import Role

_SECONDS: Final = 12 * 3600


class ScreenResponse(ResponseModel):
    """`url`: the page with its token behind `#token=`."""

    url: str
    token: str
    expires_at: Moment


async def make(deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]) -> ApiResponse:
    room, made_at = request.path["room"], request.now // 1000
    claims: dict[str, object] = {
        "iat": made_at,
        "exp": made_at + _SECONDS,
        "jti": secrets.token_hex(8),
    }
    who = {"sub": request.identity.subject, "role": Role.SCREEN.value, "rooms": [room]}
    token = deps.token_keys.sign(claims | who)
    url = f"{deps.pages_url or deps.public_url}/screen/{room}#token={token}"
    expires_at = (made_at + _SECONDS) * 1000
    return ApiResponse(ScreenResponse(url=url, token=token, expires_at=expires_at))


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/rooms/{room}/screen",
        rule=auth.INSTRUCTOR,
        handler=make,
        response=ScreenResponse,
        summary="Make a link for the projector of a class; it reads the room and does nothing",
    ),
)
