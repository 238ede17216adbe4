"""Languages, keyboards, screen readers and links work for everybody."""

from itertools import pairwise

from playwright.sync_api import expect

from server.core.identity import Role
from tests.browser.conftest import PHONE, Classroom


def test_the_browser_chooses_the_language_and_the_switch_is_remembered(
    classroom: Classroom,
) -> None:
    classroom.drop(classroom.batch(discount={"kind": "percent_off", "percent": 20}))
    ben = classroom.student("ben", "en-US")
    expect(ben.locator("classdrop-room .value")).to_have_text("20%off")
    expect(ben.locator("classdrop-room .claim")).to_have_text("Claim")
    expect(ben.locator("html")).to_have_attribute("lang", "en")

    ben.get_by_role("button", name="中文").click()
    expect(ben.locator("classdrop-room .value")).to_have_text("8折")
    expect(ben.locator("#wallet-title")).to_have_text("我的优惠券")
    ben.reload()
    expect(ben.locator("classdrop-room .claim")).to_have_text("立即领取")


def test_a_coupon_can_be_claimed_by_keyboard_alone(classroom: Classroom) -> None:
    classroom.drop(classroom.batch())
    amy = classroom.student()
    claim = amy.locator("classdrop-room .claim")
    expect(claim).to_be_visible()
    for _ in range(5):  # the language switch, then the card
        amy.keyboard.press("Tab")
        if claim.evaluate("button => button.matches(':focus')"):
            break
    expect(claim).to_be_focused()
    amy.keyboard.press("Enter")
    # Focus moves to the next possible action, not to the top of the page.
    expect(amy.locator("classdrop-room .use")).to_be_focused()
    expect(amy.locator("classdrop-room [role=status]")).to_contain_text("抢到了")


def test_the_token_leaves_the_address_bar_and_survives_a_reload(classroom: Classroom) -> None:
    amy = classroom.student()
    expect(amy).to_have_url(f"{classroom.url}/rooms/{classroom.room}")
    amy.reload()
    expect(amy.locator("#connection")).to_have_attribute("data-state", "live")


def test_without_a_link_one_is_told_where_to_come_from(classroom: Classroom) -> None:
    page = classroom.context("en-US").new_page()
    page.goto(f"{classroom.url}/rooms/{classroom.room}")
    expect(page.get_by_role("alert")).to_contain_text("Please enter through the link")


def test_a_student_s_link_opens_no_console(classroom: Classroom) -> None:
    page = classroom.context("en-US").new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    token = classroom.token(Role.STUDENT, "amy")
    page.goto(f"{classroom.url}/console/{classroom.room}#token={token}")
    expect(page.locator("#outside")).to_contain_text("This page is for a teacher")
    expect(page.locator("#new")).to_be_hidden()
    assert [url for url in asked if "/v1/" in url] == []


def test_nothing_that_is_pressed_is_smaller_than_a_finger(classroom: Classroom) -> None:
    classroom.drop(classroom.batch())
    amy, teacher = classroom.student(), classroom.teacher()
    expect(amy.locator("classdrop-room .claim")).to_be_visible()
    expect(teacher.locator("#live .controls").first).to_be_visible()
    for page in (amy, teacher):
        small = page.evaluate(_SMALL_TARGETS)
        assert small == []


def test_a_phone_never_scrolls_sideways(classroom: Classroom) -> None:
    classroom.drop(classroom.batch(name="x" * 60), message="y" * 200)
    for path, role in (("rooms", Role.STUDENT), ("console", Role.INSTRUCTOR)):
        page = classroom.enter(
            classroom.context("en-US", PHONE), f"/{path}/{classroom.room}", role, "amy"
        )
        expect(page.get_by_text("x" * 60).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


# Returns visible buttons, links and fields that are less than 44 CSS px high, shadow roots included.
_SMALL_TARGETS = """() => {
  const roots = [document, ...[...document.querySelectorAll('*')].map(n => n.shadowRoot).filter(Boolean)];
  const pressed = 'button, a, summary, select, input:not([type=radio])';
  const nodes = roots.flatMap(root => [...root.querySelectorAll(pressed)]);
  return nodes.filter(node => node.checkVisibility() && node.getBoundingClientRect().height < 44)
    .map(node => node.outerHTML.slice(0, 80));
}"""


def test_headings_of_every_page_come_in_order(classroom: Classroom) -> None:
    batch = classroom.batch()
    classroom.drop(batch)
    classroom.drop(batch, start="prepared")
    amy, teacher = classroom.student(), classroom.teacher()
    expect(amy.locator("classdrop-room .claim")).to_be_visible()
    expect(teacher.locator("#live .live-drop")).to_have_count(1)
    expect(teacher.locator("#ready .ready")).to_have_count(1)
    checkout = classroom.enter(classroom.context(), "/checkout", Role.STUDENT, "amy")
    orders = classroom.enter(classroom.context(), "/orders", Role.STUDENT, "amy")
    home = classroom.context().new_page()
    home.goto(f"{classroom.url}/")
    for page in (amy, teacher, checkout, orders, home):
        expect(page.locator("h1")).to_have_count(1)
        expect(page.locator("h1")).not_to_be_empty()
        levels = page.evaluate(_HEADINGS)
        assert levels[0] == 1, (page.url, levels)
        jumps = [pair for pair in pairwise(levels) if pair[1] - pair[0] > 1]
        assert jumps == [], (page.url, levels)


def test_the_name_of_a_page_is_not_broken_on_the_smallest_phone(classroom: Classroom) -> None:
    context = classroom.context("en-US", {"width": 320, "height": 640})
    page = classroom.enter(context, "/checkout", Role.STUDENT, "amy")
    title = page.locator("h1")
    expect(title).to_have_text("Checkout")
    box = title.bounding_box()
    assert box is not None
    assert box["height"] < 30
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


# Returns the levels of all visible headings in their order, shadow roots included.
_HEADINGS = """() => {
  const walk = (node) => [...node.children].flatMap((child) => {
    const has_no_box = getComputedStyle(child).display === 'contents'; // but its children have
    if (!child.checkVisibility() && !has_no_box) return [];
    const own = /^H[1-6]$/.test(child.tagName) ? [Number(child.tagName[1])] : [];
    return [...own, ...(child.shadowRoot ? walk(child.shadowRoot) : []), ...walk(child)];
  });
  return walk(document.body);
}"""
