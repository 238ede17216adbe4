"""Phones: buttons to claim are within reach, and nothing is wider than the screen."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from server.core.identity import Role
from tests.browser.conftest import DEADLINE_MS, Classroom

LONG = "把能想到的字都写进去的一张很长的券名连一个空格都没有" * 3
# Returns numbers and names that overflow their card, shadow roots included.
CLIPPED = """() => {
  const root = document.querySelector('classdrop-room')?.shadowRoot;
  const right = (node) => node.getBoundingClientRect().right;
  if (!root) return [];
  return [...root.querySelectorAll('.card:not([data-line]) *')]
    .filter((node) => right(node) > right(node.closest('.card')) + 1)
    .filter((node) => !node.closest('.spoken')).map((node) => node.className);
}"""
# Returns the words of the bar's links and buttons that stand on more than one line.
BROKEN = """() => [...document.querySelectorAll('.bar .quiet')].filter((node) => {
  const range = document.createRange();
  range.selectNodeContents(node);
  return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1;
}).map((node) => node.textContent)"""
SCREENS = [(320, 568), (375, 667), (844, 390), (1280, 800)]


def screen(classroom: Classroom, width: int, height: int, locale: str = "zh-CN") -> BrowserContext:
    context = classroom.browser.new_context(
        locale=locale, viewport={"width": width, "height": height}
    )
    context.set_default_timeout(DEADLINE_MS)
    context.on("page", classroom.watched.watch)
    classroom.contexts.callback(context.close)
    return context


def full_room(classroom: Classroom) -> None:
    """Fill a room: one open drop, five closed, one scheduled, and one that amy has won, all with long
    texts."""
    batch = classroom.batch(name=LONG[:60], description=LONG * 10)
    message = LONG * 2
    won = classroom.drop(batch, message=message)
    token = classroom.token(Role.STUDENT, "amy")
    answer = classroom.operator.post(
        f"/v1/drops/{won['id']}/claims",
        json={"request_id": "r1"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.json()["outcome"] == "won"
    classroom.drop(batch, message=message)
    for _ in range(5):
        closed = classroom.drop(batch, quantity=1, message=message)
        path = f"/v1/rooms/{classroom.room}/drops/{closed['id']}/close"
        assert classroom.operator.post(path).is_success
    classroom.drop(batch, message=message, opens_in_seconds=300)


def phases(page: Page) -> list[str]:
    found: list[str] = page.locator("classdrop-room .card").evaluate_all(
        "cards => cards.map((card) => card.dataset.phase)"
    )
    return found


def expect_in_view(page: Page, selector: str) -> None:
    expect(page.locator(selector).first).to_be_in_viewport(ratio=1)


def test_the_claim_button_is_in_view_on_every_screen(classroom: Classroom) -> None:
    full_room(classroom)
    for width, height in SCREENS:
        context = screen(classroom, width, height)
        amy = classroom.enter(context, f"/rooms/{classroom.room}", Role.STUDENT, "amy")
        expect(amy.locator("classdrop-room .card")).to_have_count(8)
        expect(amy.locator("classdrop-room .card[data-line]")).to_have_count(5)
        assert phases(amy) == ["open", "scheduled", "confirmed", *["closed"] * 5], (width, height)
        expect_in_view(amy, "classdrop-room .card .claim")
        expect(amy.locator("classdrop-room .claim-bar")).to_be_hidden()
        context.close()


def test_out_of_view_the_button_is_at_the_bottom_of_the_screen(classroom: Classroom) -> None:
    full_room(classroom)
    context = screen(classroom, 375, 667)
    amy = classroom.enter(context, f"/rooms/{classroom.room}", Role.STUDENT, "amy")
    expect(amy.locator("classdrop-room .card[data-line]")).to_have_count(5)
    amy.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(amy.locator("classdrop-room .claim-bar")).to_be_visible()
    expect_in_view(amy, "classdrop-room .claim-bar button")
    amy.locator("classdrop-room .claim-bar button").click()
    expect(amy.locator("classdrop-room .claim-bar")).to_be_hidden()
    expect(amy.locator("classdrop-room .card[data-phase=confirmed]")).to_have_count(2)


def room_of_figures(classroom: Classroom) -> None:
    """Fill a room with drops and a wallet that have the longest legal amounts, names and currencies."""
    odd = [
        ("CNY", 199_990),
        ("CNY", 9_990),
        ("KWD", 10**12 - 1),
        ("CHF", 10**12 - 1),
        ("CNY", 10**12 - 1),
    ]
    token = classroom.token(Role.STUDENT, "amy")
    for number, (currency, amount) in enumerate(odd):
        batch = classroom.batch(
            name=LONG[:60],
            description="W" * 200,
            currency=currency,
            discount={"kind": "amount_off", "amount": amount},
            threshold={"min_amount": 10**12 - 1},
            scope={"courses": ["C" * 60], "packages": []},
        )
        drop = classroom.drop(batch, message="W" * 200)
        if number % 2 == 0:
            classroom.operator.post(
                f"/v1/drops/{drop['id']}/claims",
                json={"request_id": "r1"},
                headers={"Authorization": f"Bearer {token}"},
            )


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_nothing_is_wider_than_the_screen(classroom: Classroom, locale: str) -> None:
    room_of_figures(classroom)
    pages = {
        f"/rooms/{classroom.room}": Role.STUDENT,
        f"/embed/rooms/{classroom.room}": Role.STUDENT,
        f"/console/{classroom.room}": Role.INSTRUCTOR,
        "/checkout?course=algebra-1&course=writing-1": Role.STUDENT,
        "/orders": Role.STUDENT,
        "/": Role.STUDENT,
    }
    context = screen(classroom, 320, 568, locale)
    for path, role in pages.items():
        page = classroom.enter(context, path, role, "amy")
        page.wait_for_load_state("networkidle")
        if role is Role.STUDENT and "rooms" in path:
            expect(page.locator("classdrop-room .card")).to_have_count(5)
        for width in (320, 375, 1280):
            page.set_viewport_size({"width": width, "height": 667})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
            assert page.evaluate(CLIPPED) == [], (path, width)
        page.close()


def test_cards_do_not_move_under_a_finger(classroom: Classroom) -> None:
    classroom.drop(classroom.batch())
    amy = classroom.student()
    button = amy.locator("classdrop-room .claim").first
    button.click(trial=True)  # waits until the card has stopped moving
    box = button.bounding_box()
    assert box is not None
    amy.mouse.move(box["x"] + 20, box["y"] + 20)
    amy.mouse.down()
    classroom.drop(classroom.batch(name="第二张"))
    expect(amy.locator("classdrop-room .card")).to_have_count(2)
    now = button.bounding_box()
    assert now is not None
    assert abs(now["y"] - box["y"]) < 3  # a pressed button shrinks a little
    amy.mouse.up()
    expect(amy.locator("classdrop-room .card").last).to_contain_text(
        "开学季专享"
    )  # the button moved although nothing happened
    expect(amy.locator("classdrop-room .card").last).to_have_attribute("data-phase", "confirmed")


def test_the_focus_stays_where_it_is_when_cards_move(classroom: Classroom) -> None:
    first = classroom.drop(classroom.batch())
    amy = classroom.student()
    expect(amy.locator("classdrop-room .claim")).to_be_visible()
    amy.locator("classdrop-room .claim").focus()
    classroom.drop(classroom.batch(name="第二张"))
    expect(amy.locator("classdrop-room .card").last).to_contain_text("开学季专享")
    focused = amy.locator("classdrop-room .card:focus-within")
    expect(focused).to_have_attribute("data-drop", str(first["id"]))


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_words_in_the_bar_and_a_typed_code_stay_on_one_line(
    classroom: Classroom, locale: str
) -> None:
    context = screen(classroom, 320, 568, locale)
    shop = "/checkout?course=algebra-1"
    for path in (shop, "/orders", "/wallet", f"/rooms/{classroom.room}"):
        page = classroom.enter(context, path, Role.STUDENT, "amy")
        page.wait_for_load_state("networkidle")
        for width in (320, 390):
            page.set_viewport_size({"width": width, "height": 667})
            assert page.evaluate(BROKEN) == [], (path, width)
        if path == "/wallet":
            page.locator("#code").fill("LIVE-8888-8888-8888-88")
            cut = page.locator("#code").evaluate("node => node.scrollWidth - node.clientWidth")
            assert cut <= 0
        page.close()
