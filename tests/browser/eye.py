"""Looks at pages by the rules of axe-core, on a phone, on a laptop and at 200 % zoom, light and dark.

With SHOTS=PREFIX in the environment each page is also kept as pictures, for people to look at.
"""

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import pytest
from playwright.sync_api import BrowserContext, Page, ViewportSize

from tests.browser.conftest import DEADLINE_MS, LAPTOP, PHONE, Classroom

AXE: Final = Path(sys.prefix) / "javascript/node_modules/axe-core/axe.min.js"
LANGUAGES: Final = ("zh-CN", "en")
ON_PHONE: Final = ViewportSize(width=PHONE["width"], height=PHONE["height"])
ON_LAPTOP: Final = ViewportSize(width=LAPTOP["width"], height=LAPTOP["height"])
# A laptop at 200 % has half the width and height.
ZOOMED: Final = ViewportSize(width=LAPTOP["width"] // 2, height=LAPTOP["height"] // 2)
needs_axe = pytest.mark.skipif(
    not AXE.exists() and os.environ.get("CI") != "true", reason="npm's tools are not installed"
)
Scheme = Literal["light", "dark"]

# Rules whose outcome depends on colours or on the width; all others are asked once for each page.
_OF_LAYOUT = ["color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block"]
# Swagger UI below `/docs` is not ours, and is not looked into.
_RUN = """async (rules) => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const runOnly = rules ? { type: "rule", values: rules } : { type: "tag", values: tags };
  const found = await axe.run({ exclude: [".swagger-ui"] }, { runOnly, resultTypes: ["violations"] });
  const broken = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return broken.map(({ id, nodes }) => `${id}: ` + nodes.slice(0, 3)
    .map((node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`).join(" | "));
}"""
# What is wrong without any rule: a page that scrolls sideways, and values that are no text.
_PLAIN = """() => {
  const wide = document.documentElement.scrollWidth > innerWidth ? ["wider than the screen"] : [];
  const said = document.body.innerText.match(/.*(NaN|undefined|\\[object|Invalid Date).*/g) ?? [];
  return [...wide, ...said];
}"""
# Nothing is under way: the page is drawn, and each button has its state.
_STILL = """() => !document.querySelector("[aria-busy=true]")
  && document.getAnimations().every((one) => one.playState !== "running")"""


@dataclass(slots=True)
class Eye:
    """Looks at pages in one language and keeps what is wrong.

    A phone is light in Chinese and dark in English, a laptop the other way round.
    """

    classroom: Classroom
    locale: str
    wrong: list[str] = field(default_factory=list)

    def context(self) -> BrowserContext:
        context = self.classroom.browser.new_context(
            locale=self.locale, viewport=ON_PHONE, reduced_motion="reduce"
        )
        context.set_default_timeout(DEADLINE_MS)
        context.add_init_script(path=AXE)
        context.on("page", self.classroom.watched.watch)
        self.classroom.contexts.callback(context.close)
        return context

    def look(self, page: Page, name: str) -> None:
        """Look at what the page shows now; `name` says what that is. Leaves the page on a phone."""
        light, dark = self._schemes()
        views: tuple[tuple[ViewportSize, Scheme, list[str] | None], ...] = (
            (ON_PHONE, light, None),
            (ON_LAPTOP, dark, _OF_LAYOUT),
            (ZOOMED, dark, []),
        )
        for viewport, scheme, rules in views:
            page.set_viewport_size(viewport)
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.wait_for_function(_STILL)
            found = page.evaluate(_PLAIN)
            if rules != []:
                found += page.evaluate(_RUN, rules)
            where = f"{name} {self.locale} {viewport['width']} {scheme}"
            self.wrong += [f"{where}: {each}" for each in found]
            _keep(page, where)
        page.set_viewport_size(ON_PHONE)

    def _schemes(self) -> tuple[Scheme, Scheme]:
        return ("light", "dark") if self.locale.startswith("zh") else ("dark", "light")

    def assert_all_well(self) -> None:
        assert self.wrong == [], "\n".join(self.wrong)


def _keep(page: Page, name: str) -> None:
    if prefix := os.environ.get("SHOTS"):
        safe = re.sub(r"[^\w.-]", "_", name)
        page.screenshot(path=f"{prefix}_{safe}.png", full_page=True)
