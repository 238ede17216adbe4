"""A real installation and a real browser, shared by all browser tests; each test has a class of its own.

Every page is watched: an error in its console, a violation of its content policy or a request that leaves the
machine fails the test.
"""

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from server.commands.token import TokenRequest, make_tokens
from server.core.identity import Role
from server.tokens import TokenKeys
from tests.browser import school_site
from tests.support.servers.stack import SECRET, Program, Programs

CHROMIUM = "/usr/bin/chromium"
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 844}
LAPTOP = {"width": 1280, "height": 800}
# Only a test that fails waits this long. Two browsers and their servers share two cores: a page that is there
# in half a second alone was once not there after 5 s.
DEADLINE_MS = 20_000


@dataclass  # no slots: Playwright sets attributes on objects whose methods it calls
class Watched:
    """The complaints about pages, collected from their events. Pages may report network errors if `offline`
    is set."""

    hosts: set[str]
    offline: bool = False
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._on_request(request.url))

    def forgive(self, text: str) -> None:
        """Remove complaints that the test has caused: a refused call is an error in the console."""
        self.complaints = [each for each in self.complaints if text not in each]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not (self.offline and "net::" in message.text):
            self.complaints.append(f"{message.text} ({message.location.get('url')})")

    def _on_request(self, url: str) -> None:
        asked = urlsplit(url)
        if asked.scheme in ("http", "https") and asked.netloc not in self.hosts:
            self.complaints.append(f"asked elsewhere: {url}")


@dataclass(slots=True)
class Classroom:
    """One room with its people. `operator` is an HTTP client with an operator's token."""

    url: str
    room: str
    browser: Browser
    watched: Watched
    operator: httpx.Client
    contexts: ExitStack

    def name(self, first_name: str) -> str:
        """Return a name that no other class uses, because wallets outlive classes."""
        return f"{first_name}.{self.room}"

    def token(
        self, role: Role, first_name: str, tags: tuple[str, ...] = (), may: tuple[str, ...] = ()
    ) -> str:
        name = self.name(first_name)
        request = TokenRequest(role, name, (self.room,), tags, may, ttl_seconds=600)
        return next(iter(make_tokens(TokenKeys((SECRET,)), request, int(time.time()))))

    def batch(
        self,
        quantity: int = 100,
        hold_seconds: int | None = None,
        conditions: dict[str, object] | None = None,
        **template: object,
    ) -> str:
        """Create a batch of ¥10 off for this room alone; return its id."""
        form = {
            "name": "开学季专享",
            "description": "",
            "currency": "CNY",
            "discount": {"kind": "amount_off", "amount": 1000},
            "threshold": {"min_amount": 10000},
            "scope": {"courses": [], "packages": []},
            "validity": {"kind": "relative", "seconds": 7 * 86400},
            **template,
        }
        made = self._post("/v1/templates", form)
        batch = {
            "template_id": made["id"],
            "name": "10 元券",
            "quantity": quantity,
            "channel": "live",
            "per_student": 5,
            "hold_seconds": hold_seconds,
            "rooms": [{"room": self.room}],
            **({"claim_conditions": conditions} if conditions else {}),
        }
        return str(self._post("/v1/batches", batch)["id"])

    def drop(self, batch: str, quantity: int = 10, **form: object) -> dict[str, object]:
        body = {"batch_id": batch, "quantity": quantity, "duration_seconds": 60, **form}
        return self._post(f"/v1/rooms/{self.room}/drops", body)

    def _post(self, path: str, body: dict[str, object]) -> dict[str, object]:
        answer = self.operator.post(path, json=body)
        assert answer.is_success, answer.text
        found: dict[str, object] = answer.json()
        return found

    def context(
        self, locale: str = "zh-CN", viewport: dict[str, int] | None = None
    ) -> BrowserContext:
        context = self.browser.new_context(
            locale=locale, viewport={"width": (viewport or PHONE)["width"], "height": 844}
        )
        context.set_default_timeout(DEADLINE_MS)
        context.on("page", self.watched.watch)
        self.contexts.callback(context.close)
        return context

    def student(self, name: str = "amy", locale: str = "zh-CN", tags: tuple[str, ...] = ()) -> Page:
        page = self.context(locale).new_page()
        token = self.token(Role.STUDENT, name, tags)
        page.goto(f"{self.url}/rooms/{self.room}#token={token}")
        return page

    def teacher(self, locale: str = "zh-CN") -> Page:
        return self.enter(
            self.context(locale, LAPTOP), f"/console/{self.room}", Role.INSTRUCTOR, "ms-li"
        )

    def enter(
        self,
        context: BrowserContext,
        path: str,
        role: Role,
        name: str,
        may: tuple[str, ...] = (),
    ) -> Page:
        page = context.new_page()
        page.goto(f"{self.url}{path}#token={self.token(role, name, may=may)}")
        return page


@pytest.fixture(scope="session")
def school_port() -> Iterator[int]:
    with school_site.running() as port:
        yield port


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, school_port: int) -> Iterator[Program]:
    """Run everything in one process group, with embedded Redis and SQLite. It allows the school's site as
    localhost; the same port on 127.0.0.1 is a foreign site."""
    programs = Programs(tmp_path_factory.mktemp("browser"))
    settings = {
        "CLASSDROP_SECRET": SECRET,
        "CLASSDROP_ALLOWED_ORIGINS": f"http://localhost:{school_port}",
        "CLASSDROP_LOGIN_URL": f"http://localhost:{school_port}/sign-in?from=classdrop",
        "CLASSDROP_APPROVAL_STUDENTS": "30",
        "CLASSDROP_WEBHOOK_PRIVATE": "1",
    }
    program = programs.start([], settings)
    try:
        asyncio.run(program.until_ready())
        yield program
    finally:
        programs.stop()


@pytest.fixture(scope="session")
def installation(service: Program) -> str:
    """Return the installation's address."""
    return service.url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=DEADLINE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def classroom(installation: str, browser: Browser) -> Iterator[Classroom]:
    with classroom_at(installation, browser) as found:
        yield found
    assert found.watched.complaints == []


@contextmanager
def classroom_at(url: str, browser: Browser) -> Iterator[Classroom]:
    watched = Watched({urlsplit(url).netloc})
    request = TokenRequest(Role.OPERATOR, "ops", ttl_seconds=600)
    token = next(iter(make_tokens(TokenKeys((SECRET,)), request, int(time.time()))))
    headers = {"Authorization": f"Bearer {token}"}
    with ExitStack() as contexts, httpx.Client(base_url=url, headers=headers) as operator:
        room = f"class-{secrets.token_hex(4)}"
        yield Classroom(url, room, browser, watched, operator, contexts)
