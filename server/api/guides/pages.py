"""The pages for developers below `/docs`: start, protocol, embedding, refusals.

Routed by `app.py`. All of them are rendered once, at the start; nothing of a request but its language is
read. `/docs` itself shows the first page above the calls, see `api/http/document/docs.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from server.api.guides.markdown_html import render_document
from server.api.http.problems import KINDS
from server.api.http.public_endpoints import RequestHandler

Language = str  # "zh" or "en"
LANGUAGES: Final = ("zh", "en")

# Swagger UI alone writes style attributes; these pages have none, and no script but our own files.
_POLICY = (
    "default-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; object-src 'none'; "
    "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)


@dataclass(frozen=True, slots=True)
class _Guide:
    """A page. `document`: its Markdown beside the SDK, for each language; empty: the table of refusals."""

    path: str
    title: Mapping[Language, str]
    document: Mapping[Language, str]


_PROTOCOL = {language: "PROTOCOL.md" for language in LANGUAGES}
_EMBED = {language: "EMBED.md" for language in LANGUAGES}
_START: Final = {"zh": "START.zh.md", "en": "START.md"}
_GUIDES: Final = (
    _Guide("/docs/protocol", {"zh": "协议", "en": "Protocol"}, _PROTOCOL),
    _Guide("/docs/embed", {"zh": "嵌入", "en": "Embedding"}, _EMBED),
    _Guide("/docs/errors", {"zh": "拒绝代码", "en": "Refusals"}, {}),
)
_MENU: Final = (
    ("/docs#start", {"zh": "开始", "en": "Start"}),
    ("/docs#calls", {"zh": "全部调用", "en": "All calls"}),
    *((guide.path, guide.title) for guide in _GUIDES),
)
_WORDS: Final[Mapping[str, Mapping[Language, str]]] = {
    "site": {"zh": "Classdrop 开发文档", "en": "Classdrop for developers"},
    "other": {"zh": "English", "en": "中文"},
    "contents": {"zh": "目录", "en": "Contents"},
    "menu": {"zh": "文档", "en": "Documents"},
    "only_english": {"zh": "本页只有英文版。", "en": ""},
    "errors_lead": {
        "zh": "每次拒绝都是 application/problem+json，用 code 判断，不要比较文字。"
        "下面的话由 SDK 的 errorText 给出。",
        "en": "Every refusal is application/problem+json. Compare its code, never its words. "
        "What a person reads comes from errorText (error_text) of the SDK.",
    },
    "code": {"zh": "代码", "en": "Code"},
    "status": {"zh": "状态码", "en": "Status"},
    "meaning": {"zh": "含义", "en": "Meaning"},
    "words": {"zh": "给用户看的话（中文、英文）", "en": "What a person reads (Chinese, English)"},
}


def guide_routes() -> list[BaseRoute]:
    """Return the routes of the pages and of their files."""
    own = str(files("server.api.guides") / "static")
    return [
        *(Route(guide.path, _show(guide)) for guide in _GUIDES),
        Mount("/docs/guide", StaticFiles(directory=own)),
    ]


def _language_of(request: Request) -> Language:
    wanted = request.query_params.get("lang", "")
    if wanted in LANGUAGES:
        return wanted
    return "zh" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"


def show_start(policy: str) -> RequestHandler:
    """Return what shows `/docs`: five minutes to the first claim, then all calls."""

    async def show(request: Request) -> Response:
        return _page_response(_start_page(_language_of(request)), policy)

    return show


@cache
def _start_page(language: Language) -> str:
    document = render_document(_read(_START[language]))
    return _render("start.html", language, "/docs", html=document.html)


@cache
def _guide_page(path: str, language: Language) -> str:
    guide = next(each for each in _GUIDES if each.path == path)
    if guide.document:
        document = render_document(_read(guide.document[language]))
        return _render("document.html", language, path, title=guide.title, document=document)
    rows = [(code.value, kind.status, kind.title) for code, kind in KINDS.items()]
    return _render("errors.html", language, path, title=guide.title, rows=rows)


def _show(guide: _Guide) -> RequestHandler:
    async def show(request: Request) -> Response:
        return _page_response(_guide_page(guide.path, _language_of(request)), _POLICY)

    return show


def _page_response(html: str, policy: str) -> Response:
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-cache",
        "Vary": "Accept-Language",
    }
    return Response(html, headers=headers, media_type="text/html")


def _read(name: str) -> str:
    return (files("client_sdk") / name).read_text("utf-8")


def _render(template: str, language: Language, path: str, **facts: object) -> str:
    words = {name: texts[language] for name, texts in _WORDS.items()}
    menu = [(target, title[language]) for target, title in _MENU]
    other = "en" if language == "zh" else "zh"
    return (
        _templates()
        .get_template(template)
        .render(language=language, other=other, path=path, menu=menu, words=words, **facts)
    )


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("server.api.guides"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
