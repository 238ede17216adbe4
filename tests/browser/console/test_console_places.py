"""A teacher's cards keep their place while lists change around them, and say for whom a drop is."""

import re

import pytest
from playwright.sync_api import Page, expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, PHONE, Classroom

MOST_SHIFT = 0.1
_KEPT_MS = 5_000

_WATCH = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (!entry.hadRecentInput) {
        window.shifts.push([entry.value, entry.sources.map(({ node }) =>
          node && (node.id || node.className || node.nodeName)).join(" ")]);
      }
    }
  }).observe({ type: "layout-shift", buffered: true });
}"""


def console(classroom: Classroom, viewport: dict[str, int]) -> Page:
    context = classroom.context("en-US", viewport)
    context.add_init_script(f"({_WATCH})()")
    path = f"/console/{classroom.room}"
    return classroom.enter(context, path, Role.INSTRUCTOR, "ms-li")


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_nothing_jumps_from_the_opening_of_a_drop_to_its_end(
    classroom: Classroom, viewport: dict[str, int]
) -> None:
    batch = classroom.batch()
    for quantity in (3, 4):
        classroom.drop(batch, quantity=quantity, start="prepared")
    teacher = console(classroom, viewport)
    ready = teacher.locator("#ready .ready")
    expect(ready).to_have_count(2)

    ready.first.locator(".main").click()
    teacher.locator("#takeback .link").click()
    expect(teacher.locator("#live .live-drop")).to_have_count(1)
    amy = classroom.student("amy")
    amy.locator("classdrop-room .claim").click()
    expect(teacher.locator("#live [data-counter=claimed]")).to_have_text("1")
    expect(ready).to_have_count(
        1, timeout=3 * _KEPT_MS
    )  # the pressed card has moved to its new list
    classroom.drop(batch, quantity=5, start="prepared")
    expect(ready).to_have_count(2, timeout=3 * _KEPT_MS)
    teacher.locator("#live .danger").click()
    teacher.locator("#ask [value=yes]").click()
    teacher.mouse.move(1, 1)
    expect(teacher.locator("#live .live-drop")).to_have_count(0, timeout=3 * _KEPT_MS)
    expect(teacher.locator("#past-box")).to_be_visible()

    shifts = teacher.evaluate("window.shifts")
    assert sum(value for value, _ in shifts) < MOST_SHIFT, shifts


def test_nothing_jumps_on_a_phone_that_loses_its_connection(classroom: Classroom) -> None:
    batch = classroom.batch()
    classroom.drop(batch, quantity=3, start="prepared")
    teacher = console(classroom, PHONE)
    expect(teacher.locator("#ready .ready")).to_have_count(1)
    expect(teacher.locator("#connection")).to_have_text("Live")
    for part in ("Begin class", "Screen"):  # what is loaded after the page
        expect(teacher.get_by_role("button", name=part)).to_be_visible()
    teacher.wait_for_load_state("networkidle")
    teacher.evaluate("window.shifts = []")
    classroom.watched.offline = True
    teacher.context.set_offline(True)
    expect(teacher.locator("#trouble")).to_be_visible()
    expect(teacher.locator("#present")).to_contain_text("Figures as of")
    teacher.context.set_offline(False)
    expect(teacher.locator("#trouble")).to_be_hidden(timeout=3 * _KEPT_MS)
    expect(teacher.locator("#connection")).to_have_text("Live", timeout=3 * _KEPT_MS)

    shifts = teacher.evaluate("window.shifts")
    assert sum(value for value, _ in shifts) < MOST_SHIFT / 10, shifts


def test_the_next_drop_button_does_not_slide_under_the_finger_that_pressed_one(
    classroom: Classroom,
) -> None:
    batch = classroom.batch()
    for quantity in (3, 4):
        classroom.drop(batch, quantity=quantity, start="prepared")
    teacher = console(classroom, PHONE)
    # What is loaded after the page stands above the cards.
    expect(teacher.get_by_role("button", name="Begin class")).to_be_visible()
    first = teacher.locator("#ready .ready").first.locator(".main")
    first.click()
    before = first.bounding_box()
    assert before is not None
    drop = teacher.locator("#ready .ready").first.get_attribute("data-drop")
    middle = [before["x"] + before["width"] / 2, before["y"] + before["height"] / 2]
    teacher.mouse.move(middle[0] + 1, middle[1])  # the finger stays, however slow the machine is
    teacher.locator("#takeback .link").evaluate("button => button.click()")
    expect(teacher.locator("#live .live-drop")).to_have_count(1)
    under = "([x, y]) => document.elementFromPoint(x, y).dataset.start"
    assert teacher.evaluate(under, middle) == drop
    expect(first).to_have_text("Dropped ✓")
    expect(first).to_have_attribute("aria-disabled", "true")


def test_a_private_drop_says_to_its_teacher_whom_it_is_for(classroom: Classroom) -> None:
    batch = classroom.batch(conditions={"tags": ["member"], "new": True})
    audience = {"tags": ["vip"], "students": [classroom.name(f"s{n}") for n in range(12)]}
    classroom.drop(batch, quantity=3, start="prepared", audience=audience)
    classroom.drop(batch, quantity=4, audience=audience)
    teacher = console(classroom, LAPTOP)
    text = "Only for: tag vip, 12 named students; tag member; new accounts"
    expect(teacher.locator("#ready .audience")).to_have_text(text)
    expect(teacher.locator("#live .audience")).to_have_text(text)
    expect(teacher.locator("#new .audience")).to_have_text("Only for: tag member; new accounts")
    expect(teacher.locator("#batch option")).to_have_text(re.compile("Only for: tag member"))
