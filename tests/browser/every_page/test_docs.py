"""/docs: Swagger UI shows the whole document, under the page's own policy and without network access."""

from playwright.sync_api import expect

from tests.browser.conftest import Classroom


def test_the_docs_show_every_call_and_its_fields(classroom: Classroom) -> None:
    page = classroom.context().new_page()
    page.goto(f"{classroom.url}/docs")
    groups = page.locator(".opblock-tag-section")
    calls = page.evaluate(
        """async () => {
          const answer = await fetch("/openapi.json");
          const calls = Object.values((await answer.json()).paths).flatMap(Object.values);
          const groups = Object.groupBy(calls, (call) => call.tags[0]);
          return Object.entries(groups).map(([tag, members]) => [tag, members.length]);
        }"""
    )
    expect(groups).to_have_count(len(calls))
    for tag, count in calls:
        group = page.locator(".opblock-tag-section", has=page.locator(f"[data-tag='{tag}']"))
        # Not by the mouse: what it aims at moves while groups are drawn. Each group is closed again, because
        # Swagger UI draws all open ones anew at each click.
        group.locator(".opblock-tag").dispatch_event("click")
        expect(group.locator(".opblock")).to_have_count(count)
        group.locator(".opblock-tag").dispatch_event("click")
        expect(group.locator(".opblock")).to_have_count(0)

    page.locator(".opblock-tag[data-tag='drops']").dispatch_event("click")
    drops = page.locator(".opblock", has_text="/v1/rooms/{room}/drops").first
    drops.locator(".opblock-summary").click()
    expect(drops.locator(".opblock-body")).to_contain_text("duration_seconds")
    expect(page.locator(".errors-wrapper")).to_have_count(0)
