"""The teacher sees where all units are, and whether desk and ledger agree."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Page, expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, PHONE, Classroom
from tests.support.servers.stack import Program, Programs

# Set TEST_PICTURES=folder to get pictures of the line.
PICTURES = os.environ.get("TEST_PICTURES")
READYZ_DIFFERS = """async () => {
  const { parts } = await (await fetch("/readyz")).json();
  return parts.books.detail.includes("desk and ledger disagreed about 1 units");
}"""
MEASURED_MS = 20_000  # the worker compares every two seconds, if nothing is under way


def claim(page: Page) -> None:
    page.locator("classdrop-room .claim").click()
    expect(page.locator("classdrop-room .card").first).to_have_attribute("data-phase", "confirmed")


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def lose_the_coupon(service: Program, student: str) -> None:
    """Delete the coupon's row, as no code of ours does."""
    with (
        closing(sqlite3.connect(service.data_dir / "ledger.sqlite3", timeout=10)) as ledger,
        ledger,
    ):
        ledger.execute("DELETE FROM coupons WHERE student = ?", (student,))


def test_one_line_says_where_all_coupons_are_and_that_the_books_agree(
    classroom: Classroom,
) -> None:
    classroom.drop(classroom.batch(), quantity=5)
    teacher = classroom.teacher()
    books = teacher.locator("#live .books")
    expect(books).to_have_text("共 5 张 = 剩余 5 + 学生持有 0 + 已使用 0 + 已退回 0，账目相符。")
    claim(classroom.student("amy"))
    expect(books).to_have_text("共 5 张 = 剩余 4 + 学生持有 1 + 已使用 0 + 已退回 0，账目相符。")
    picture(teacher, "agree-zh-laptop")

    teacher.locator("#language").click()
    expect(books).to_have_text(
        "5 coupons = 4 left + 1 with students + 0 used + 0 returned. The books agree."
    )
    picture(teacher, "agree-en-laptop")


def take_back(service: Program, student: str) -> None:
    """Revoke a claim as a worker does if no unit is left: one student too many was told `won`."""
    with (
        closing(sqlite3.connect(service.data_dir / "ledger.sqlite3", timeout=10)) as ledger,
        ledger,
    ):
        names = [row[1] for row in ledger.execute("PRAGMA table_info(claims)")]
        changed = {
            "id": "'clm_taken_back'",
            "student": "'late'",
            "state": "'revoked'",
            "reason": "'nothing_left'",
        }
        columns = ", ".join(changed.get(name, name) for name in names)
        ledger.execute(
            f"INSERT INTO claims SELECT {columns} FROM claims WHERE student = ?",
            (student,),
        )


def test_the_teacher_is_told_of_wins_that_were_taken_back_with_an_apology(
    classroom: Classroom, service: Program
) -> None:
    classroom.drop(classroom.batch(), quantity=5)
    teacher = classroom.teacher()
    line = teacher.locator("#live .apologised")
    claim(classroom.student("amy"))
    expect(teacher.locator("#live .books")).to_contain_text("账目相符")
    expect(line).to_be_hidden()
    take_back(service, classroom.name("amy"))
    expect(line).to_have_text("1 位学生抢到后已无券可发，已向他们致歉。", timeout=MEASURED_MS)
    picture(teacher, "apologised-zh")

    teacher.locator("#language").click()
    expect(line).to_have_text(
        "1 had won when nothing was left: they were told so, with an apology."
    )
    picture(teacher, "apologised-en")


def test_a_closed_drop_says_what_went_back(classroom: Classroom) -> None:
    classroom.drop(classroom.batch(), quantity=5)
    teacher = classroom.teacher()
    claim(classroom.student("amy"))
    teacher.locator("#live .danger").click()
    teacher.locator("#ask [value=yes]").click()
    teacher.locator("#past-box summary").first.click()
    expect(teacher.locator("#past .books")).to_have_text(
        "共 5 张 = 剩余 0 + 学生持有 1 + 已使用 0 + 已退回 4，账目相符。"
    )


def test_a_difference_is_said_in_words_until_doctor_has_mended_it(
    classroom: Classroom, service: Program, programs: Programs
) -> None:
    classroom.drop(classroom.batch(), quantity=5, duration_seconds=600)
    pages = [
        classroom.enter(
            classroom.context(locale, size), f"/console/{classroom.room}", Role.INSTRUCTOR, "li"
        )
        for locale in ("zh-CN", "en-US")
        for size in (LAPTOP, PHONE)
    ]
    claim(classroom.student("amy"))
    lose_the_coupon(service, classroom.name("amy"))

    said = ["现场计数与账目相差 1 张", "The live count and the books differ by 1"]
    for number, page in enumerate(pages):
        books = page.locator("#live .books")
        expect(books).to_have_attribute("data-agree", "false", timeout=MEASURED_MS)
        expect(books).to_contain_text(said[number // 2])
        books.scroll_into_view_if_needed()
        picture(page, f"differ-{number}")
    # Each process looks at the verdict at times of its own, and any of them may answer.
    pages[0].wait_for_function(READYZ_DIFFERS, timeout=MEASURED_MS)
    assert classroom.operator.get("/readyz").status_code == 200

    doctor = programs.start(["doctor", "--repair"], {"CLASSDROP_DATA_DIR": str(service.data_dir)})
    assert doctor.wait(60) == 0, doctor.output + doctor.errors
    for number, page in enumerate(pages):
        books = page.locator("#live .books")
        expect(books).to_have_attribute("data-agree", "true", timeout=MEASURED_MS)
        picture(page, f"mended-{number}")
