"""The claim page of a link, /c/{slug}: made for everybody, with what the preview in a chat shows.

Called by routes.py. The page is rendered once for each link and language; a link's facts come from memory:
a link that a hundred thousand people open costs what a room does. GET changes nothing, because scanners and
previews open every link. Some browsers inside apps keep pages for days, so this one is never stored.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.pages.assets import Asset


class LinkPreview(NamedTuple):
    """The facts of a link that a preview shows. `image` is empty where the coupon has no artwork."""

    slug: str
    name: str
    text: str
    url: str
    image: str = ""


LinkPreviews = Callable[[str], Awaitable[LinkPreview | None]]


def claim_routes(
    links: LinkPreviews | None,
    language_of: Callable[[Request], str],
    headers: Mapping[str, str],
    made: Callable[..., Asset],
) -> list[BaseRoute]:
    """Return the route of the page; none where there are no links."""
    if links is None:
        return []

    async def show(request: Request) -> Response:
        preview = await links(request.path_params["slug"])
        if preview is None:
            raise HTTPException(404)
        page = made("", language_of(request), (), preview)
        return page.answer(request, {**headers, "Cache-Control": "no-store"})

    return [Route("/c/{slug}", show)]
