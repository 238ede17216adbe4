"""The pages of students, teachers and developers by the rules of axe-core, each in its important states."""

import re

import pytest
from playwright.sync_api import Page, expect

from server.core.identity import Role
from tests.browser.conftest import Classroom
from tests.browser.console.test_draw import enter_draw
from tests.browser.coupons.test_balance import earn
from tests.browser.coupons.test_checkout import TO_ALGEBRA_AND_WRITING
from tests.browser.coupons.test_links import a_link
from tests.browser.coupons.test_lottery import BUTTONS, a_lottery
from tests.browser.eye import LANGUAGES, Eye, needs_axe
from tests.browser.room.test_live_class import claim, expect_phase, live
from tests.browser.room.test_receipts import CLAIM

pytestmark = [needs_axe, pytest.mark.parametrize("locale", LANGUAGES)]

IS_LIVE = "() => document.querySelector('classdrop-room').client?.state.status === 'live'"
GUIDES = ("/docs", "/docs/protocol", "/docs/embed", "/docs/errors", "/docs/playground")


def enter(eye: Eye, path: str, role: Role = Role.STUDENT, name: str = "amy") -> Page:
    return eye.classroom.enter(eye.context(), path, role, name)


def student(eye: Eye, name: str) -> Page:
    page = enter(eye, f"/rooms/{eye.classroom.room}", name=name)
    live(page)
    return page


def test_a_student_s_room_before_and_after_a_claim(classroom: Classroom, locale: str) -> None:
    eye = Eye(classroom, locale)
    amy, ben = student(eye, "amy"), student(eye, "ben")
    eye.look(amy, "room/before")
    drop = classroom.drop(classroom.batch(), 1, message="这一题讲完，券也来了")
    expect_phase(amy, "open")
    eye.look(amy, "room/open")
    claim(amy)
    expect_phase(amy, "confirmed")
    expect(amy.locator("#coupons .coupon")).to_have_count(1)
    eye.look(amy, "room/claimed")
    expect_phase(ben, "sold_out")
    eye.look(ben, "room/sold_out")
    ben.evaluate(CLAIM, drop["id"])
    expect(ben.locator("classdrop-room .note").filter(has_text=re.compile("2"))).to_be_visible()
    eye.look(ben, "room/refused")
    eye.assert_all_well()


def test_a_student_s_room_with_a_task_a_draw_and_an_offer(
    classroom: Classroom, locale: str
) -> None:
    eye = Eye(classroom, locale)
    amy = student(eye, "amy")
    batch = classroom.batch()
    question = {"kind": "answer", "question": "3 和 4，斜边是？", "options": ["5", "7"], "right": 0}
    classroom.drop(batch, task=question)
    classroom.drop(batch, task={"kind": "watch", "minutes": 10})
    classroom.drop(batch, mode="draw")
    classroom.drop(batch, opens_in_seconds=300)
    form: dict[str, object] = {"batch_id": batch, "students": [classroom.name("amy")]}
    form |= {"message": "再坚持一课", "expires_in_seconds": 600}
    classroom._post(f"/v1/rooms/{classroom.room}/offers", form)
    expect(amy.locator("classdrop-room .card")).to_have_count(4)
    expect(amy.locator("#offers")).to_contain_text("再坚持一课")
    eye.look(amy, "room/tasks")
    eye.assert_all_well()


def test_the_card_for_the_school_s_own_player(classroom: Classroom, locale: str) -> None:
    """Look at what a frame shows, without a frame around it: axe does not look into one of another site."""
    eye = Eye(classroom, locale)
    address = f"/embed/rooms/{classroom.room}?scheme="
    amy, ben = enter(eye, f"{address}auto"), enter(eye, f"{address}auto", name="ben")
    others = {scheme: enter(eye, address + scheme, name=scheme) for scheme in ("light", "dark")}
    for page in (amy, ben, *others.values()):
        page.wait_for_function(IS_LIVE)
    eye.look(amy, "embed/empty")
    drop = classroom.drop(classroom.batch(), 1, message="这一题讲完，券也来了")
    for name, page in {"auto": amy, **others}.items():
        expect_phase(page, "open")
        eye.look(page, f"embed/open/{name}")
    claim(amy)
    expect_phase(amy, "confirmed")
    eye.look(amy, "embed/claimed")
    expect_phase(ben, "sold_out")
    ben.evaluate(CLAIM, drop["id"])
    expect(ben.locator("classdrop-room .note").filter(has_text=re.compile("2"))).to_be_visible()
    eye.look(ben, "embed/refused")
    question = {"kind": "answer", "question": "3 和 4，斜边是？", "options": ["5", "7"], "right": 0}
    classroom.drop(classroom.batch(), task=question)
    classroom.drop(classroom.batch(), mode="draw")
    classroom.drop(classroom.batch(), opens_in_seconds=300)
    expect(ben.locator("classdrop-room .card")).to_have_count(4)
    eye.look(ben, "embed/tasks")
    eye.assert_all_well()


def test_a_student_without_a_link_and_a_page_that_is_not_there(
    classroom: Classroom, locale: str
) -> None:
    eye = Eye(classroom, locale)
    page = eye.context().new_page()
    for path in ("/", f"/rooms/{classroom.room}", "/no/such/page"):
        page.goto(f"{classroom.url}{path}")
        expect(page.locator("h1")).not_to_be_empty()
        eye.look(page, f"outside{path}")
    classroom.watched.forgive("404")
    eye.assert_all_well()


def test_the_console_live_its_questions_and_the_history(classroom: Classroom, locale: str) -> None:
    eye = Eye(classroom, locale)
    batch = classroom.batch()
    path = f"/console/{classroom.room}"
    teacher = enter(eye, path, Role.INSTRUCTOR, "ms-li")
    expect(teacher.locator("#new .main")).to_be_visible()
    eye.look(teacher, "console/before")
    classroom.drop(batch, 3, message="这一题讲完，券也来了")
    classroom.drop(batch, 4, start="prepared")
    amy = student(eye, "amy")
    claim(amy)
    expect_phase(amy, "confirmed")
    expect(teacher.locator("#live [data-counter=claimed]")).to_have_text("1")
    expect(teacher.locator("#ready .ready")).to_have_count(1)
    for panel in (".code-panel summary", "#offers-panel > summary"):
        teacher.locator(panel).click()
    eye.look(teacher, "console/live")
    teacher.locator("#live .controls button").last.click()
    expect(teacher.locator("#ask")).to_be_visible()
    eye.look(teacher, "console/ask")
    teacher.locator("#ask [value=yes]").click()
    expect(teacher.locator("#past-box")).to_be_visible()
    teacher.locator("#past-box summary").first.click()
    eye.look(teacher, "console/ended")
    history = enter(eye, f"{path}/history", Role.INSTRUCTOR, "ms-li")
    history.locator("tr[data-drop] button").first.click()
    expect(history.locator(".who tbody")).to_contain_text(classroom.name("amy"))
    eye.look(history, "console/history")
    eye.assert_all_well()


def test_the_screen(classroom: Classroom, locale: str) -> None:
    eye = Eye(classroom, locale)
    link = classroom._post(f"/v1/rooms/{classroom.room}/screen", {})
    screen = eye.context().new_page()
    screen.goto(f"{classroom.url}/screen/{classroom.room}#token={link['token']}")
    expect(screen.locator("#waiting")).to_be_visible()
    eye.look(screen, "screen/waiting")
    drop = classroom.drop(classroom.batch(), 3, show_winners=True, message="手快有手慢无")
    claim(student(eye, "amy"))
    expect(screen.locator("#winner-names li")).to_have_count(1)
    eye.look(screen, "screen/open")
    classroom._post(f"/v1/rooms/{classroom.room}/drops/{drop['id']}/close", {})
    expect(screen.locator("#qr img")).to_be_hidden()
    eye.look(screen, "screen/closed")
    eye.assert_all_well()


def test_the_checkout_and_the_order(classroom: Classroom, locale: str) -> None:
    eye = Eye(classroom, locale)
    paid = earn(classroom)
    classroom.drop(classroom.batch())
    claim(student(eye, "amy"))
    shop = enter(eye, TO_ALGEBRA_AND_WRITING)
    shop.locator("#choices input").check()
    shop.locator("#balance").check()
    expect(shop.locator("dd[data-sum=balance]")).to_be_visible()
    eye.look(shop, "shop/cart")
    expect(shop.locator("#pay")).to_have_attribute("aria-disabled", "false")
    shop.locator("#pay").click()
    shop.wait_for_url("**/orders**")
    expect(shop.locator("#state")).not_to_be_empty()
    eye.look(shop, "shop/locked")
    desk = enter(eye, paid, Role.OPERATOR, "olga")
    expect(desk.locator("#lines [data-line]")).to_have_count(2)
    desk.locator("[data-refund] .steps button").last.click()
    eye.look(desk, "shop/refund")
    eye.assert_all_well()


def test_the_wallet(classroom: Classroom, locale: str) -> None:
    eye = Eye(classroom, locale)
    earn(classroom)
    wallet = enter(eye, "/wallet", name="bob")
    expect(wallet.locator("#wallet-empty")).to_be_visible()
    eye.look(wallet, "wallet/empty")
    form = {"batch_id": classroom.batch(), "students": [classroom.name("amy")]}
    classroom._post("/v1/issuances", {**form, "reason": "welcome", "notify": {}})
    wallet = enter(eye, "/wallet")
    coupon = wallet.locator("#coupons .coupon")
    coupon.locator("summary").click()
    expect(coupon.get_by_role("img")).to_be_visible()
    wallet.locator("#code").fill("LIVE-0000-0000-0000-00")
    wallet.locator("#code").press("Enter")
    expect(wallet.locator("#code-trouble")).to_be_visible()
    classroom.watched.forgive("404")
    eye.look(wallet, "wallet/usable")
    wallet.locator("[data-filter=redeemed]").click()
    expect(coupon.locator(".state")).to_be_visible()
    eye.look(wallet, "wallet/used")
    eye.assert_all_well()


def test_the_page_of_a_link(classroom: Classroom, locale: str) -> None:
    eye = Eye(classroom, locale)
    link = a_link(classroom)
    page = eye.context().new_page()
    page.goto(f"{classroom.url}/c/{link['slug']}")
    expect(page.locator("classdrop-offer, #hint").first).to_be_visible()
    eye.look(page, "link/before")
    page = enter(eye, f"/c/{link['slug']}")
    page.locator("classdrop-offer .claim").click()
    expect(page.locator("classdrop-offer code")).not_to_be_empty()
    eye.look(page, "link/claimed")
    assert classroom.operator.patch(f"/v1/links/{link['id']}", json={"state": "ended"}).is_success
    page = eye.context().new_page()
    page.goto(f"{classroom.url}/c/{link['slug']}")
    expect(page.locator("#ended")).to_be_visible()
    eye.look(page, "link/ended")
    eye.assert_all_well()


def test_the_lottery(classroom: Classroom, locale: str) -> None:
    eye = Eye(classroom, locale)
    for face in BUTTONS:
        page = enter(eye, f"/lottery/{a_lottery(classroom, face)}")
        expect(page.locator("#odds td")).to_have_text("100%")
        if face == "wheel":
            eye.look(page, "lottery/before")
        page.locator("#spin").click()
        expect(page.locator("#spins li")).to_have_count(1)
        eye.look(page, f"lottery/{face}")
    eye.assert_all_well()


def test_the_proof_of_a_draw(classroom: Classroom, locale: str) -> None:
    eye = Eye(classroom, locale)
    drop = str(classroom.drop(classroom.batch(), 1, mode="draw")["id"])
    for name in ("amy", "ben"):
        enter_draw(classroom, drop, name)
    page = enter(eye, f"/drops/{drop}/draw")
    expect(page.locator("#facts")).not_to_be_empty()
    eye.look(page, "draw/open")
    classroom._post(f"/v1/rooms/{classroom.room}/drops/{drop}/close", {})
    expect(page.locator("#winners li")).to_have_count(1)
    eye.look(page, "draw/done")
    eye.assert_all_well()


def test_the_documents(classroom: Classroom, locale: str) -> None:
    eye = Eye(classroom, locale)
    page = eye.context().new_page()
    for guide in GUIDES:
        page.goto(f"{classroom.url}{guide}")
        expect(page.locator("h1").first).not_to_be_empty()
        if guide == "/docs":
            expect(page.locator(".opblock-tag").first).to_be_visible()
        eye.look(page, guide)
    eye.assert_all_well()
