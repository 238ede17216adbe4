"""The empty office by the rules of axe-core: nothing of serious or critical impact.

In both languages, light and dark, on a phone, on a laptop and at 200 % zoom.
Skipped where npm's tools are not installed, except in CI.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, PHONE, Classroom, classroom_at
from tests.support.servers.stack import SECRET, Programs

AXE = Path(sys.prefix) / "javascript/node_modules/axe-core/axe.min.js"
SHOTS: Path | None = None  # a folder, to look at the pages
LANGUAGES = ("zh-CN", "en")
ON_PHONE = ViewportSize(width=PHONE["width"], height=PHONE["height"])
ON_LAPTOP = ViewportSize(width=LAPTOP["width"], height=LAPTOP["height"])
# A laptop at 200 % has half the width and height.
ZOOMED = ViewportSize(width=LAPTOP["width"] // 2, height=LAPTOP["height"] // 2)
OFFICE = [
    "today",
    "coupons",
    "coupons/templates",
    "coupons/new",
    "campaigns",
    "price-rules",
    "approvals",
    "experiments",
    "audiences",
    "sends",
    "sends/new",
    "reports",
    "statements",
    "students",
    "find",
    "orders",
    "stop",
    "triggers",
    "packs",
    "lotteries",
    "webhooks",
    "acts",
    "consistency",
]

# Rules whose outcome depends on colours or on the width; all others are asked once for each page.
_OF_LAYOUT = ["color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block"]
_VIEWS: tuple[tuple[ViewportSize, Literal["light", "dark"], list[str] | None], ...] = (
    (ON_PHONE, "light", None),
    (ON_LAPTOP, "dark", _OF_LAYOUT),
    (ZOOMED, "light", _OF_LAYOUT),
)
_RUN = """async (rules) => {
  const only = rules && { runOnly: { type: "rule", values: rules } };
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = await axe.run(document, {
    ...(only ?? { runOnly: { type: "tag", values: tags } }), resultTypes: ["violations"],
  });
  const wide = document.documentElement.scrollWidth > innerWidth ? ["wider than the screen"] : [];
  const said = (document.body.innerText.match(/.*(NaN|undefined|\\[object|Invalid Date).*/g)) ?? [];
  const broken = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return [...wide, ...said, ...broken.map(({ id, nodes }) => `${id}: ` + nodes.slice(0, 3)
    .map((node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`).join(" | "))];
}"""
_GO = """(address) => {
  document.getElementById("main").replaceChildren();
  location.hash = address;
}"""
# Nothing is under way: the office has shown its page, and each button has its state.
_STILL = """() => !document.querySelector("[aria-busy=true]")
  && document.getAnimations().every((one) => one.playState !== "running")"""


@dataclass(slots=True)
class Eye:
    """Looks at pages in one language and keeps what is wrong."""

    classroom: Classroom
    locale: str
    wrong: list[str] = field(default_factory=list)

    def context(self) -> BrowserContext:
        context = self.classroom.browser.new_context(
            locale=self.locale, viewport=ON_PHONE, reduced_motion="reduce"
        )
        context.add_init_script(path=AXE)
        context.on("page", self.classroom.watched.watch)
        self.classroom.contexts.callback(context.close)
        return context

    def look(self, page: Page, name: str) -> None:
        for viewport, scheme, rules in _VIEWS:
            page.set_viewport_size(viewport)
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function(_STILL)
            found = page.evaluate(_RUN, rules)
            where = f"{name} {self.locale} {viewport['width']} {scheme}"
            self.wrong += [f"{where}: {each}" for each in found]
            if SHOTS is not None and viewport is ON_LAPTOP:
                page.screenshot(path=SHOTS / f"{where.replace('/', '_')}.png", full_page=True)


@pytest.fixture(scope="module")
def empty_school(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Classroom]:
    """An installation of its own: that of the other tests is never empty."""
    if not AXE.exists() and os.environ.get("CI") != "true":
        pytest.skip("npm's tools are not installed")
    programs = Programs(tmp_path_factory.mktemp("axe"))
    program = programs.start([], {"CLASSDROP_SECRET": SECRET})
    try:
        # In a thread of its own: Playwright's loop runs in this one.
        with ThreadPoolExecutor() as threads:
            threads.submit(lambda: asyncio.run(program.until_ready())).result()
        with classroom_at(program.url, browser) as found:
            yield found
    finally:
        programs.stop()


def look_at_the_office(eye: Eye, context: BrowserContext, views: list[str], state: str) -> None:
    page = eye.classroom.enter(context, "/office", Role.OPERATOR, "ops")
    for view in views:
        page.set_viewport_size(ON_PHONE)
        page.evaluate(_GO, f"#/{view}")
        expect(page.locator("#main h2").first).to_be_visible()
        eye.look(page, f"office/{state}/{view.split('_')[0]}")
    page.close()


@pytest.mark.parametrize("locale", LANGUAGES)
def test_the_empty_office(empty_school: Classroom, locale: str) -> None:
    eye = Eye(empty_school, locale)
    look_at_the_office(eye, eye.context(), OFFICE, "empty")
    assert eye.wrong == [], "\n".join(eye.wrong)
