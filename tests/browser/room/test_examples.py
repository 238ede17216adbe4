"""The example pages of the SDK in a browser, served from the school's site: the element and the frame."""

from pathlib import Path

from playwright.sync_api import expect

import client_sdk
from server.core.identity import Role
from tests.browser import school_site
from tests.browser.conftest import Classroom

EXAMPLES = Path(client_sdk.__file__).parent / "examples"


def served(classroom: Classroom, name: str, path: str) -> None:
    """Serve the page as the example's back end does, with the room of this class."""
    page = (EXAMPLES / name).read_text().replace("CLASSDROP_URL", classroom.url)
    page = page.replace("algebra", classroom.room).replace(
        "<title>", "<link rel=icon href='data:,'><title>"
    )
    school_site.served[path] = [page]


def test_a_student_claims_on_each_of_the_pages(classroom: Classroom, school_port: int) -> None:
    classroom.watched.hosts.add(f"localhost:{school_port}")
    served(classroom, "element.html", "/element")
    served(classroom, "frame.html", "/frame")
    batch = classroom.batch()
    for path, student in (("/element", "amy"), ("/frame", "bob")):
        school_site.served["/my-classdrop-token"] = [classroom.token(Role.STUDENT, student)]
        page = classroom.context().new_page()
        page.goto(f"http://localhost:{school_port}{path}")
        classroom.drop(batch)
        card = (
            page.locator("classdrop-room") if path == "/element" else page.frame_locator("iframe")
        )
        card.locator(".claim").last.click()
        expect(card.locator("code").last).not_to_be_empty()
        page.close()
