"""The routes of the pages and of their files.

Called by the composition root of a web process, which adds them to the API's. Knows no settings object:
`PageFacts` has everything that a page depends on.
"""

import time
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
from server.demo_link import DemoLink
from server.pages.assets import Asset, AssetStore
from server.pages.claim_pages import LinkPreview, LinkPreviews, claim_routes
from server.pages.playground import Signer, playground_routes
from server.pages.policy import checked_origins, page_headers
from server.pages.sdk_version import sdk_version_routes
from server.pages.short_links import ShortLinks

Endpoint = Callable[[Request], Awaitable[Response]]

_KEPT_PAGES = 256


@dataclass(frozen=True, slots=True)
class PageFacts:
    """The settings that pages depend on; a text is empty where the setting is not set.

    `allowed_origins`: the school's own sites. `public_url`: where browsers reach us. `login_url`: the
    school's sign-in. `demo_links`: only with `python -m server` without a role. `link_preview`: what the
    preview of a link in a chat shows, from memory; None: there are no claim pages. `sign_demo_token`: makes
    the tokens of the playground, as `demo_links`. `time_zone`: the school's, for the office.
    """

    allowed_origins: tuple[str, ...] = ()
    public_url: str = ""
    login_url: str = ""
    demo_links: tuple[DemoLink, ...] = ()
    link_preview: LinkPreviews | None = None
    sign_demo_token: Signer | None = None
    time_zone: str = ""


@dataclass(frozen=True, slots=True)
class _Page:
    """A page. `name` is that of its style sheet, its script and, unless `template` is set, its template.

    `title` is in Chinese and in English; the room's name is put before it.
    """

    path: str
    folder: str
    name: str
    title: tuple[str, str]
    framed: bool = False
    template: str = ""

    @property
    def asset(self) -> str:
        """The path of the page's style and entry module, without their suffix."""
        return f"/static/{self.folder}/{self.name}"


_PAGES = (
    _Page("/rooms/{room}", "room", "student", ("教室", "Room")),
    _Page("/console/{room}", "console", "console", ("讲台", "Console")),
    _Page("/console/{room}/history", "console", "history", ("历史记录", "History")),
    _Page("/screen/{room}", "screen", "screen", ("大屏", "Screen")),
    _Page("/checkout", "shop", "checkout", ("结算", "Checkout")),
    _Page("/wallet", "wallet", "wallet", ("我的优惠券", "My coupons")),
    _Page("/lottery/{lottery}", "lottery", "lottery", ("抽奖", "Prize draw")),
    _Page("/drops/{drop}/draw", "draw", "draw", ("抽取验证", "Check a draw")),
    _Page("/office", "office", "office", ("运营后台", "Office")),
    _Page("/orders", "shop", "orders", ("订单", "Orders")),
    _Page("/q/{ticket}", "link", "claim", ("课堂领券", "Coupon of a class"), template="ticket"),
    _Page("/embed/rooms/{room}", "room", "embed", ("优惠券", "Coupons"), framed=True),
)
_HOME = _Page("/", "home", "home", ("课堂发券", "Coupons in a live class"))
_PLAYGROUND = _Page("/docs/playground", "docs", "playground", ("令牌练习", "Token playground"))
_CLAIM = _Page("/c/{slug}", "link", "claim", ("领券", "Coupon"))
_LOST = _Page("", "home", "home", ("没有这个页面", "No such page"), template="lost")


def page_routes(facts: PageFacts) -> list[BaseRoute]:
    """Return the routes; every file is read once, now. Raises ValueError for a wrong allowed origin."""
    store = page_assets()
    templates = _templates()
    pages = [Route(page.path, _page_endpoint(page, facts, store, templates)) for page in _PAGES]
    short = ShortLinks(facts.demo_links, time.time)
    return [
        *pages,
        *claim_routes(
            facts.link_preview,
            _language,
            _headers(_CLAIM, facts, store),
            _made(_CLAIM, facts, store, templates),
        ),
        Route("/", _home_endpoint(facts, store, templates, short)),
        Route("/s/{code}", short.follow),
        *playground_routes(
            facts.sign_demo_token,
            _page_endpoint(_PLAYGROUND, facts, store, templates),
            time.time,
        ),
        Route("/favicon.ico", _icon_endpoint(store)),
        Route("/static/{path:path}", _file_endpoint(store, {})),
        *sdk_version_routes(
            {
                path.removeprefix("/sdk/"): asset
                for path, asset in store.files.items()
                if path.startswith("/sdk/")
            }
        ),
        # The SDK's code is public, and schools import it into pages of their own.
        Route("/sdk/{path:path}", _file_endpoint(store, {"Access-Control-Allow-Origin": "*"})),
    ]


def lost_page(facts: PageFacts) -> Callable[[Request, int], Response]:
    """Return a function that responds with the error page and the given status."""
    store = page_assets()
    made = _made(_LOST, facts, store, _templates())
    headers = _headers(_LOST, facts, store)

    def lost(request: Request, status: int) -> Response:
        body = made("", _language(request)).body
        return Response(body, status, {**headers, "Cache-Control": "no-store"}, "text/html")

    return lost


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("server.pages"), autoescape=select_autoescape(default=True)
    )


def page_assets() -> AssetStore:
    return AssetStore.read(
        {"/static": files("server.pages") / "static", "/sdk": files("client_sdk") / "javascript"}
    )


def _page_endpoint(
    page: _Page, facts: PageFacts, store: AssetStore, templates: Environment
) -> Endpoint:
    headers = _headers(page, facts, store)
    made = _made(page, facts, store, templates)

    async def show(request: Request) -> Response:
        return made(_room(request), _language(request)).answer(request, headers)

    return show


def _home_endpoint(
    facts: PageFacts, store: AssetStore, templates: Environment, short: ShortLinks
) -> Endpoint:
    headers = _headers(_HOME, facts, store)
    made = _made(_HOME, facts, store, templates)

    async def show(request: Request) -> Response:
        links = tuple(short.visible_to(request))
        # The codes are nobody else's: no proxy and no disk keeps them.
        kept = {"Cache-Control": "no-store"} if links else {}
        return made("", _language(request), links).answer(request, headers | kept)

    return show


def _headers(page: _Page, facts: PageFacts, store: AssetStore) -> dict[str, str]:
    origins = checked_origins(facts.allowed_origins)
    style = store.card_style()
    headers = page_headers(origins, facts.public_url, framed=page.framed, style=style)
    return {**headers, "Vary": "Accept-Encoding, Accept-Language"}


def _made(
    page: _Page, facts: PageFacts, store: AssetStore, templates: Environment
) -> Callable[..., Asset]:
    """Return a function that renders the page for a room, a language and the demo links, with a cache.

    A whole class opens the page of one room, which is rendered once.
    """
    template = templates.get_template(f"{page.template or page.name}.html")
    modules = store.modules_of(f"{page.asset}.js")
    origins = checked_origins(facts.allowed_origins)

    @lru_cache(maxsize=_KEPT_PAGES)
    def made(
        room: str,
        language: str,
        links: tuple[DemoLink, ...] = (),
        preview: LinkPreview | None = None,
    ) -> Asset:
        head = preview.name if preview is not None else room
        zh, en = (" · ".join(filter(None, (head, word, "Classdrop"))) for word in page.title)
        text = template.render(
            name=page.name,
            asset=page.asset,
            titles={"zh": zh, "en": en},
            room=room,
            language=language,
            modules=modules,
            origins=origins,
            links=links,
            preview=preview,
            login=facts.login_url,
            time_zone=facts.time_zone if page.name == "office" else "",
        )
        return Asset.of(text.encode(), "html")

    return made


def _icon_endpoint(store: AssetStore) -> Endpoint:
    """Serve the icon under the name that browsers request where a page names none."""

    async def serve(request: Request) -> Response:
        return store.files["/static/shared/icon.svg"].answer(request, {})

    return serve


def _file_endpoint(store: AssetStore, headers: dict[str, str]) -> Endpoint:
    async def serve(request: Request) -> Response:
        found = store.files.get(request.scope["path"])
        if found is None:
            raise HTTPException(404)
        return found.answer(request, headers)

    return serve


def _room(request: Request) -> str:
    """Return the room of the path, or an empty text. Raises 404 for a name that no token can contain."""
    room: str = request.path_params.get("room", "")
    if room and not is_room_name(room):
        raise HTTPException(404)
    return room


def _language(request: Request) -> str:
    """Return the language of the page until its script runs, which reads the browser's languages."""
    accepted = request.headers.get("accept-language", "").lower()
    return "zh-CN" if accepted.startswith("zh") else "en"
