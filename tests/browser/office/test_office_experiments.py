"""Experiments in the office: started by a form, seen by a student's card, ended; on a phone and a laptop."""

from pathlib import Path

from playwright.sync_api import Page, expect

from server.core.identity import Role
from server.core.promotions.splits import place_of
from tests.browser.conftest import LAPTOP, Classroom

SHOTS: Path | None = None  # a folder, to look at the page


def shot(page: Page, name: str) -> None:
    if SHOTS is not None:
        page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def start(page: Page, batches: list[str]) -> str:
    """Start an experiment by the form, first with shares that do not add up; return its id."""
    page.get_by_text("New experiment").click()
    page.get_by_label("Name").fill("20 or 30")
    for number, batch in enumerate(batches, 1):
        page.get_by_label(f"Batch {number}", exact=True).select_option(batch)
    page.get_by_label("Share of batch 1").fill("40")
    page.get_by_role("button", name="Start the experiment").click()
    expect(page.get_by_text("not_100")).to_be_visible()
    shot(page, "experiment_form_en")
    page.get_by_label("Share of batch 1").fill("50")
    page.get_by_role("button", name="Start the experiment").click()
    expect(page.get_by_role("heading", name="20 or 30")).to_be_visible()
    return page.url.split("/")[-1]


def see_exposed(page: Page, students: str) -> None:
    """Open the page again until a worker has read the cards: seconds after the student saw it."""
    exposed = page.get_by_role("row").nth(1).get_by_role("cell").first
    for _ in range(100):
        page.reload()
        expect(exposed).to_be_visible()
        if exposed.inner_text() == students:
            return
    expect(exposed).to_have_text(students)


def test_an_operator_starts_an_experiment_and_a_card_that_was_seen_is_counted(
    classroom: Classroom,
) -> None:
    batches = [classroom.batch(), classroom.batch()]
    laptop = classroom.context("en", LAPTOP)
    page = classroom.enter(laptop, "/office", Role.OPERATOR, "ops")
    page.get_by_role("link", name="Experiments").click()
    experiment_id = start(page, batches)
    classroom.watched.forgive("422")  # the refused form
    first = [f"s{n}" for n in range(40)]
    own = next(one for one in first if place_of(experiment_id, classroom.name(one)) < 5_000)
    student = classroom.student(own)
    classroom.drop(batches[0])
    expect(student.get_by_text("开学季专享").first).to_be_visible()
    with_card = f"/v1/experiments/{experiment_id}"

    see_exposed(page, "1")
    expect(page.get_by_text("Too few").first).to_be_visible()
    shot(page, "experiment_en")
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    shot(page, "experiment_en_phone_dark")
    page.get_by_role("button", name="End the experiment").click()
    page.get_by_role("button", name="Press again").click()
    expect(page.get_by_text("Ended").first).to_be_visible()
    assert classroom.operator.get(with_card).json()["state"] == "ended"
