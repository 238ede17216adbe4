"""The routes of the pages and their files, as a list for the web process to add to its own.

Called by the composition root of a web process. Knows no settings object: `PageFacts` is all a page
depends on.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.core.room_names import is_room_name
from server.pages.assets import Asset, AssetStore
from server.pages.policy import checked_origins, page_headers

Endpoint = Callable[[Request], Awaitable[Response]]

_KEPT_PAGES = 256


@dataclass(frozen=True, slots=True)
class PageFacts:
    """`allowed_origins`: the school's own sites. `public_url`: where browsers reach us, empty where
    nobody said."""

    allowed_origins: tuple[str, ...] = ()
    public_url: str = ""


@dataclass(frozen=True, slots=True)
class _Page:
    """`name`: of its template, css and entry module alike."""

    path: str
    name: str
    framed: bool = False


_PAGES = (
    _Page("/rooms/{room}", "student"),
    _Page("/console/{room}", "console"),
    _Page("/checkout", "checkout"),
    _Page("/orders", "orders"),
    _Page("/embed/rooms/{room}", "embed", framed=True),
)


def page_routes(facts: PageFacts) -> list[BaseRoute]:
    """Reads every file once. ValueError where an allowed origin is not one."""
    store = page_assets()
    templates = Environment(
        loader=PackageLoader("server.pages"), autoescape=select_autoescape(default=True)
    )
    pages = [Route(page.path, _page_endpoint(page, facts, store, templates)) for page in _PAGES]
    return [
        *pages,
        Route("/static/{path:path}", _file_endpoint(store, {})),
        # The SDK's code is public, and schools import it into pages of their own.
        Route("/sdk/{path:path}", _file_endpoint(store, {"Access-Control-Allow-Origin": "*"})),
    ]


def page_assets() -> AssetStore:
    return AssetStore.read(
        {"/static": files("server.pages") / "static", "/sdk": files("client_sdk") / "javascript"}
    )


def _page_endpoint(
    page: _Page, facts: PageFacts, store: AssetStore, templates: Environment
) -> Endpoint:
    origins = checked_origins(facts.allowed_origins)
    headers = page_headers(origins, facts.public_url, framed=page.framed)
    headers["Vary"] = "Accept-Encoding, Accept-Language"
    template = templates.get_template(f"{page.name}.html")
    modules = store.modules_of(f"/static/{page.name}.js")

    # A class comes in through one address: the page of a room is made once.
    @lru_cache(maxsize=_KEPT_PAGES)
    def made(room: str, language: str) -> Asset:
        text = template.render(
            name=page.name,
            room=room,
            language=language,
            modules=modules,
            origins=origins,
        )
        return Asset.of(text.encode(), "html")

    async def show(request: Request) -> Response:
        return made(_room(request), _language(request)).answer(request, headers)

    return show


def _file_endpoint(store: AssetStore, headers: dict[str, str]) -> Endpoint:
    async def serve(request: Request) -> Response:
        found = store.files.get(request.scope["path"])
        if found is None:
            raise HTTPException(404)
        return found.answer(request, headers)

    return serve


def _room(request: Request) -> str:
    """Empty on pages that belong to no room. A name no token can carry is a page that is not there."""
    room: str = request.path_params.get("room", "")
    if room and not is_room_name(room):
        raise HTTPException(404)
    return room


def _language(request: Request) -> str:
    """Only what the page says before its script runs; the script asks the browser itself."""
    accepted = request.headers.get("accept-language", "").lower()
    return "zh-CN" if accepted.startswith("zh") else "en"
