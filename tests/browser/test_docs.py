"""/docs: Swagger UI shows the whole document, under the page's own policy and without network access."""

from playwright.sync_api import expect

from tests.browser.conftest import Classroom


def test_the_docs_show_every_call_and_its_fields(classroom: Classroom) -> None:
    page = classroom.context().new_page()
    page.goto(f"{classroom.url}/docs")
    drops = page.locator(".opblock", has_text="/v1/rooms/{room}/drops").first
    expect(drops).to_be_visible()
    shown = page.locator(".opblock")
    listed = page.evaluate(
        """async () => {
          const answer = await fetch("/openapi.json");
          return Object.values((await answer.json()).paths).flatMap(Object.keys).length;
        }"""
    )
    expect(shown).to_have_count(listed)

    drops.locator(".opblock-summary").click()
    expect(drops.locator(".opblock-body")).to_contain_text("duration_seconds")
    expect(page.locator(".errors-wrapper")).to_have_count(0)
