"""Make tokens of any role to try things with: of the demo alone, and on this machine alone.

Called by routes.py with the signer, which only `python -m server` without a role passes in. A page signs
nothing itself, and the secret stays here. Everybody else gets 404, as if there were no such page.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.core.identity import ROLES_WITH_ROOMS, Role
from server.core.room_names import is_room_name
from server.pages.short_links import is_local

Signer = Callable[[dict[str, object]], str]
Endpoint = Callable[[Request], Any]

PATH: Final = "/docs/playground"
_MOST_BYTES: Final = 4_096
_MOST_MINUTES: Final = 720
_MOST_NAMES: Final = 20
_NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_TAG: Final = re.compile(r"[^\s,]{1,64}")


def playground_routes(
    sign: Signer | None, show: Endpoint, now_s: Callable[[], float]
) -> list[BaseRoute]:
    """Return the page and its call; none without a signer. `show` responds with the page."""
    if sign is None:
        return []
    signer = sign

    async def page(request: Request) -> Response:
        _check_local(request)
        response: Response = await show(request)
        return response

    async def token(request: Request) -> Response:
        _check_local(request)
        form = await _form(request)
        wrong = wrong_field(form)
        if wrong is not None:
            return _json({"code": "invalid_field", "field": wrong}, 422)
        return _json({"token": signer(_claims(form, int(now_s())))}, 200)

    return [Route(PATH, page), Route(f"{PATH}/token", token, methods=["POST"])]


def wrong_field(form: Mapping[str, Any]) -> str | None:
    """Return the name of the first field that is not valid, or None."""
    rooms, tags, minutes = form.get("rooms"), form.get("tags"), form.get("minutes")
    if form.get("role") not in {role.value for role in Role}:
        return "role"
    if not _NAME.fullmatch(str(form.get("sub", ""))):
        return "sub"
    if not _are_names(rooms, is_room_name) or (not rooms and form["role"] in ROLES_WITH_ROOMS):
        return "rooms"
    if not _are_names(tags, lambda tag: _TAG.fullmatch(tag) is not None):
        return "tags"
    is_span = type(minutes) is int and 1 <= minutes <= _MOST_MINUTES
    return None if is_span else "minutes"


def _are_names(found: object, is_good: Callable[[str], bool]) -> bool:
    return (
        isinstance(found, list)
        and len(found) <= _MOST_NAMES
        and all(isinstance(name, str) and is_good(name) for name in found)
    )


def _claims(form: Mapping[str, Any], now_s: int) -> dict[str, object]:
    return {
        "sub": form["sub"],
        "role": form["role"],
        "rooms": form["rooms"],
        "tags": form["tags"],
        "iat": now_s,
        "exp": now_s + form["minutes"] * 60,
        "jti": secrets.token_hex(8),
    }


def _check_local(request: Request) -> None:
    if not is_local(request):
        raise HTTPException(404)


async def _form(request: Request) -> dict[str, Any]:
    """Return the body as an object; an empty one for everything else.

    Only JSON by its headers, so that another site's page cannot send it without being asked for first.
    """
    is_json = request.headers.get("content-type", "").partition(";")[0] == "application/json"
    length = request.headers.get("content-length", "")
    if not is_json or not length.isdecimal() or int(length) > _MOST_BYTES:
        return {}
    try:
        found = orjson.loads(await request.body())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _json(body: Mapping[str, object], status: int) -> Response:
    return Response(orjson.dumps(body), status, {"Cache-Control": "no-store"}, "application/json")
