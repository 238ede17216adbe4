"""Each page that REFERENCE.md names for a role answers a token of that role, with what it is for."""

from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, Classroom
from tests.browser.console.test_draw import enter_draw
from tests.browser.coupons.test_balance import earn
from tests.browser.coupons.test_links import a_link
from tests.browser.coupons.test_lottery import a_lottery
from tests.browser.every_page.test_axe_pages import IS_LIVE
from tests.support.pages_by_role import pages_of_rows

ROLES = sorted({role for line in pages_of_rows() for role in line.roles})
# What is on a page that the server has answered. The office's pages have an own check.
SHOWN = {
    "/console/{room}": "#new .main",
    "/console/{room}/history": "tr[data-drop]",
    "/screen/{room}": "#qr img",
    "/q/{ticket}": "classdrop-offer .claim",
    "/c/{slug}": "classdrop-offer, #sign-in",
    "/lottery/{lottery}": "#odds td",
    "/checkout?course=algebra-1": "body[data-ready]",
    "/orders?order={order}": "#lines [data-line]",
    "/wallet": "#coupons .coupon, #wallet-empty",
    "/drops/{drop}/draw": "#facts dd",
    "/docs": ".opblock-tag",
    "/docs/embed": "h1",
    "/docs/playground": "h1",
    "/": "h1",
}


@dataclass(slots=True)
class Filled:
    """Fills the places of the table's paths with what is there in a class."""

    classroom: Classroom
    names: dict[str, str] = field(default_factory=dict)

    def fill(self) -> None:
        """Make a paid order of amy's, a link, a lottery, an open drop, and a draw that amy has entered."""
        room = self.classroom.room
        order = earn(self.classroom).rpartition("=")[2]
        draw = self.classroom.drop(self.classroom.batch(), mode="draw")["id"]
        enter_draw(self.classroom, str(draw), "amy")
        batch = self.classroom.batch()
        drop = self.classroom.drop(batch)["id"]
        ticket = self.classroom.operator.get(f"/v1/rooms/{room}/drops/{drop}/ticket").json()
        self.names = {
            "room": room,
            "batch": batch,
            "order": order,
            "drop": str(draw),
            "ticket": str(ticket["ticket"]),
            "slug": str(a_link(self.classroom)["slug"]),
            "lottery": a_lottery(self.classroom, "wheel"),
            "student": self.classroom.name("amy"),
        }

    def path(self, page: str) -> str:
        return page.format(**self.names)


def pages_of(role: str) -> list[str]:
    return list(dict.fromkeys(line.page for line in pages_of_rows() if role in line.roles))


def expect_office(page: Page, view: str) -> None:
    """Expect the view itself: not the first page, and no refusal in its place."""
    main = page.locator("#main")
    expect(main).not_to_have_attribute("aria-busy", "true")
    expect(main.locator(".office-title")).not_to_be_empty()
    expect(main.locator(".trouble:visible")).to_have_count(0)
    current = page.locator("#nav [aria-current]")
    expect(current).to_have_attribute("href", f"#/{view.split('/', maxsplit=1)[0]}")


def expect_answer(page: Page, path: str) -> None:
    if path in SHOWN:
        expect(page.locator(SHOWN[path]).first).to_be_visible()
    else:  # the live card
        page.wait_for_function(IS_LIVE)


@pytest.mark.parametrize("role", ROLES)
def test_each_page_that_is_named_for_a_role_answers_it(classroom: Classroom, role: str) -> None:
    filled = Filled(classroom)
    filled.fill()
    context = classroom.context("en", LAPTOP)
    for path in pages_of(role):
        page = context.new_page()
        address, _, view = filled.path(path).partition("#/")
        token = "" if role == "anyone" else f"#token={classroom.token(Role(role), 'amy')}"
        page.goto(f"{classroom.url}{address}{token}")
        if view:
            expect(page.locator("#main .office-title")).not_to_be_empty()
            page.evaluate("view => { location.hash = view; }", f"#/{view}")
            expect_office(page, view)
        else:
            expect_answer(page, path)
        page.close()
