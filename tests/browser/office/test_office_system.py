"""The office in a browser: an operator makes what goes out by itself, stops it, and reads who did what."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, PHONE, Classroom

SHOTS: Path | None = None  # a folder, to look at the page
WHSEC = re.compile("^whsec_")


def shot(page: Page, name: str) -> None:
    if SHOTS is not None:
        page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def to(page: Page, name: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, level=2)).to_be_visible()


def answer(page: Page, button: str, reason: str) -> None:
    page.get_by_label("Reason").last.fill(reason)
    page.get_by_role("dialog").get_by_role("button", name=button).click()


def make_trigger(page: Page, batch: str) -> None:
    page.get_by_text("New trigger").click()
    page.get_by_label("Name").fill("revision")
    page.get_by_label("When this happens").fill("lesson_finished")
    page.get_by_label("Conditions").fill("data.minutes >= 30")
    page.get_by_label("Gives a coupon of batch").fill(batch)
    page.get_by_role("button", name="Create as a draft").click()
    expect(page.get_by_role("heading", name="revision")).to_be_visible()
    expect(page.get_by_text("data.minutes >= 30")).to_be_visible()
    page.get_by_text("Dry run").first.click()
    page.get_by_role("button", name="Dry run").click()
    expect(page.get_by_text("fulfil the conditions")).to_be_visible()
    page.get_by_role("button", name="Activate").click()
    page.get_by_role("button", name="Pause").click()
    answer(page, "Pause", "too many")
    expect(page.get_by_role("button", name="Activate, and catch up on the pause")).to_be_visible()
    shot(page, "trigger")


def make_pack(page: Page, batch: str) -> None:
    page.get_by_text("New pack").click()
    page.get_by_label("Name").fill("welcome")
    page.get_by_label("Batch 1", exact=True).fill(batch)
    page.get_by_label("Coupons of batch 1").fill("2")
    page.get_by_role("button", name="Create the pack").click()
    expect(page.get_by_role("heading", name="welcome")).to_be_visible()
    shot(page, "pack")


def make_lottery(page: Page, batch: str) -> None:
    page.get_by_text("New lottery").click()
    page.get_by_label("Name").fill("wheel")
    page.get_by_label("Batch of prize 1").fill(batch)
    page.get_by_label("Odds of prize 1 (%)").fill("2.5")
    page.get_by_label("Prize 1 at most").fill("3")
    shot(page, "lottery_form")
    page.get_by_role("button", name="Create the lottery").click()
    expect(page.get_by_role("heading", name="wheel")).to_be_visible()
    expect(page.get_by_text("97.5 %")).to_be_visible()
    expect(page.get_by_text("No such entry")).to_be_visible()
    shot(page, "lottery")


def make_webhook(page: Page) -> None:
    page.get_by_text("New receiver").click()
    page.get_by_label("URL").fill("https://school.example/hooks")
    page.get_by_label("Types of events").fill("coupon.confirmed")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_label("The secret for signatures")).to_have_value(WHSEC)
    shot(page, "webhook_secret")
    page.get_by_role("button", name="I have kept it").click()
    expect(page.get_by_text("No call yet")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Enable")).to_be_visible()
    shot(page, "webhook")
    page.get_by_role("button", name="Remove").click()
    answer(page, "Remove", "moved elsewhere")
    expect(page.get_by_text("New receiver")).to_be_visible()


def stop(page: Page, batch: str) -> None:
    form = page.locator(".office-stop")
    form.get_by_label("Its id").fill(batch)
    form.get_by_label("Reason").fill("wrong price")
    form.get_by_label("Type STOP").fill("no")
    form.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("nothing was stopped")).to_be_visible()
    form.get_by_label("Type STOP").fill("stop")
    form.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped.", exact=True)).to_be_visible()
    shot(page, "stop")


def test_an_operator_makes_stops_and_reads_who_did_what(classroom: Classroom) -> None:
    batch = classroom.batch()
    context = classroom.context("en", LAPTOP)
    page = classroom.enter(context, "/office", Role.OPERATOR, "ops")
    to(page, "Triggers")
    make_trigger(page, batch)
    to(page, "Packs")
    make_pack(page, batch)
    to(page, "Lotteries")
    make_lottery(page, batch)
    to(page, "Webhooks")
    make_webhook(page)
    to(page, "Red switch")
    stop(page, batch)
    assert classroom.operator.get(f"/v1/batches/{batch}").json()["stopped"]["claims"]

    to(page, "Acts")
    page.get_by_label("On (id)").fill(batch)
    page.get_by_label("What", exact=True).select_option("batch")
    page.get_by_role("button", name="Filter").click()
    # Other tests stop batches on this server: the list before the filter may have theirs.
    of_batch = page.get_by_role("row").filter(has_text=batch)
    expect(of_batch.get_by_role("cell", name="batch: stopped")).to_be_visible()
    expect(page.get_by_role("cell", name="wrong price")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Export all that match").click()
    assert f",batch.stopped,{batch}," in saved.value.path().read_text()
    shot(page, "acts")

    to(page, "Consistency")
    page.get_by_role("button", name="Look now").click()
    expect(page.get_by_text("What was compared")).to_be_visible()
    expect(page.get_by_role("button", name="Look now")).to_be_visible()
    shot(page, "consistency")
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    for name in ("Red switch", "Triggers", "Lotteries", "Webhooks", "Acts", "Consistency"):
        to(page, name)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], name
        shot(page, f"phone_{name}")
