"""A room's history: what became of each drop, who claimed it, and the lesson's sum."""

from pathlib import Path

from playwright.sync_api import expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, Classroom


def test_a_teacher_looks_back_at_a_lesson(classroom: Classroom) -> None:
    drop = classroom.drop(classroom.batch())
    amy = classroom.student()
    amy.locator("classdrop-room .claim").click()
    expect(amy.locator("#coupons .coupon")).to_be_visible()
    context = classroom.context("en-US", LAPTOP)
    path = f"/console/{classroom.room}/history"
    history = classroom.enter(context, path, Role.INSTRUCTOR, "ms-li")
    row = history.locator(f"tr[data-drop={drop['id']}]")
    expect(row.locator("td").nth(1)).to_have_text("1")
    expect(history.locator("tfoot")).to_contain_text("The lesson's sum")

    row.get_by_role("button").press("Enter")
    expect(history.get_by_role("img", name="Claims since the opening")).to_be_visible()
    expect(history.locator(".who tbody")).to_contain_text(classroom.name("amy"))
    with history.expect_download() as kept:
        history.get_by_role("link", name="Download CSV").click()
    file = Path(kept.value.path()).read_bytes().decode()
    assert file.startswith("\ufeffstudent,state,won_at,confirmed_at\r\n")
    assert classroom.name("amy") in file
    history.get_by_role("button", name="中文").click()
    expect(history.locator("tfoot")).to_contain_text("这节课合计")

    history.get_by_role("link", name="讲台").click()
    history.get_by_role("link", name="已结束").click()
    expect(row).to_be_visible()
