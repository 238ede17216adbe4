"""The page of a lottery: four faces, the odds, the result, and the check of one's own spins."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, Classroom

BUTTONS = {
    "wheel": "Spin",
    "scratch": "Scratch a card",
    "box": "Open a box",
    "signin": "Sign in for today",
}
SHOTS: Path | None = None  # a folder, to look at the pages


def a_lottery(classroom: Classroom, face: str, ppm: int = 1_000_000, **change: Any) -> str:
    batch = classroom.batch(quantity=100)
    prizes: list[dict[str, object]] = [{"batch_id": batch, "ppm": ppm, "quantity": 20}]
    prizes += [{"batch_id": None, "ppm": 1_000_000 - ppm}] if ppm < 1_000_000 else []
    body = {
        "name": "Spring draw",
        "prizes": prizes,
        "chances": {"per_student": 5, "per_day": 2},
        "window": {"from": "2020-01-01", "until": "2099-01-01"},
        "face": face,
        "legal": "Organised by the school.\nNo purchase needed.",
        **change,
    }
    return str(classroom._post("/v1/lotteries", body)["id"])


def entered(classroom: Classroom, lottery: str, locale: str = "en", **context: Any) -> Page:
    return classroom.enter(
        classroom.context(locale, **context), f"/lottery/{lottery}", Role.STUDENT, "amy"
    )


def shot(page: Page, name: str) -> None:
    if SHOTS is not None:
        page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


@pytest.mark.parametrize("face", BUTTONS)
def test_each_face_shows_the_odds_before_and_the_coupon_after(
    classroom: Classroom, face: str
) -> None:
    page = entered(classroom, a_lottery(classroom, face))
    page.emulate_media(reduced_motion="reduce", color_scheme="dark" if face == "box" else "light")

    expect(page.locator("h1")).to_have_text("Spring draw")
    expect(page.locator("#odds td")).to_have_text("100%")
    expect(page.locator(".rules")).to_contain_text("no priority list")
    expect(page.locator("#legal")).to_contain_text("No purchase needed.")
    expect(page.locator("#chances")).to_have_text("Chances left today: 2")
    page.get_by_role("button", name=BUTTONS[face]).click()
    expect(page.locator("#result")).to_contain_text("You have won: 开学季专享")
    expect(page.locator("#chances")).to_have_text("Chances left today: 1")
    expect(page.locator("#spins li")).to_have_count(1)
    shot(page, face)
    if face == "box":
        page.get_by_role("button", name="Box 2").click()
    else:
        page.locator("#spin").click()
    expect(page.locator("#chances")).to_have_text("Chances left today: 0")
    expect(page.locator("#spin")).to_be_disabled()
    expect(page.locator("#spins li")).to_have_count(2)


def test_the_wheel_turns_to_what_was_won_and_says_it_in_chinese(classroom: Classroom) -> None:
    lottery = a_lottery(classroom, "wheel", ppm=1)
    page = entered(classroom, lottery, "zh-CN", viewport=LAPTOP)
    expect(page.locator("#odds td").first).to_have_text("0.0001%")
    page.get_by_role("button", name="转一次").click()
    expect(page.locator("#result")).to_have_text("这次没有中奖")
    expect(page.locator(".wheel")).to_have_attribute("style", re.compile(r"--turn: 1530deg"))
    page.get_by_role("button", name="验证我的每一次").click()
    expect(page.locator("#checked")).to_contain_text("种子公开后才能验证")
    shot(page, "wheel_zh")
    page.emulate_media(color_scheme="dark")
    shot(page, "wheel_zh_dark")


def test_an_answer_that_is_lost_is_asked_for_again_and_costs_one_chance(
    classroom: Classroom,
) -> None:
    lottery = a_lottery(classroom, "scratch")
    page = entered(classroom, lottery)
    lost: list[str] = []

    def lose(route: Route) -> None:
        """The server draws, and the answer does not arrive."""
        if not lost:
            lost.append(route.request.post_data or "")
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/spins", lambda route: lose(route) if is_spin(route) else route.continue_())
    page.get_by_role("button", name="Scratch a card").click()
    expect(page.locator("#spin")).to_have_text("Try the same one again")
    page.reload()
    expect(page.locator("#result")).to_contain_text("You have won")
    expect(page.locator("#chances")).to_have_text("Chances left today: 1")
    classroom.watched.forgive("net::ERR_FAILED")


def is_spin(route: Route) -> bool:
    return route.request.method == "POST"


def test_the_page_checks_spins_when_the_seed_is_out(classroom: Classroom) -> None:
    """The seed of today comes with the answer, as it will tomorrow: a good one, and one that is wrong."""
    lottery = a_lottery(classroom, "signin", ppm=1)
    page = entered(classroom, lottery)
    page.get_by_role("button", name="Sign in for today").click()
    expect(page.locator("#spins li")).to_have_count(1)

    def with_seed(route: Route) -> None:
        answer = route.fetch()
        found = answer.json()
        for spin in found["spins"]:
            spin["seed"] = "00" * 32
        route.fulfill(response=answer, json=found)

    page.route("**/spins?*", with_seed)
    page.get_by_role("button", name="Check my spins").click()
    expect(page.locator(".verdict")).to_have_text("not the seed that was promised")
    expect(page.locator("#checked")).to_contain_text("Wrong: 1!")


def test_it_says_when_it_is_not_open(classroom: Classroom) -> None:
    paused = a_lottery(classroom, "wheel")
    classroom.operator.patch(f"/v1/lotteries/{paused}", json={"state": "paused"})
    page = entered(classroom, paused)
    expect(page.locator("#window")).to_have_text("Paused")
    expect(page.locator("#spin")).to_be_disabled()
    unknown = entered(classroom, "lot_none")
    expect(unknown.locator("#trouble")).to_be_visible()
    classroom.watched.forgive("404")
