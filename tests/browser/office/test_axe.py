"""The office by the rules of axe-core, empty and full, in both languages: nothing serious or critical."""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from server.core.identity import Role
from tests.browser.conftest import Classroom, classroom_at
from tests.browser.eye import LANGUAGES, Eye, needs_axe
from tests.browser.full_school import APPROVAL_STUDENTS, FullSchool
from tests.support.eventually import eventually
from tests.support.servers.stack import SECRET, Program, Programs

OFFICE = [
    "today",
    "coupons",
    "coupons/templates",
    "coupons/new",
    "given",
    "campaigns",
    "price-rules",
    "approvals",
    "experiments",
    "audiences",
    "sends",
    "sends/new",
    "reports",
    "statements",
    "students",
    "find",
    "orders",
    "stop",
    "triggers",
    "packs",
    "lotteries",
    "webhooks",
    "acts",
    "consistency",
]
_GO = """(address) => {
  document.getElementById("main").replaceChildren();
  location.hash = address;
}"""
pytestmark = [needs_axe, pytest.mark.parametrize("locale", LANGUAGES)]


def in_thread(coroutine: Coroutine[Any, Any, object]) -> None:
    """Run in a thread of its own: Playwright's loop runs in this one."""
    with ThreadPoolExecutor() as threads:
        threads.submit(asyncio.run, coroutine).result()


@pytest.fixture(scope="module")
def own_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """An installation of its own: that of the other tests is never empty."""
    programs = Programs(tmp_path_factory.mktemp("axe"))
    settings = {
        "CLASSDROP_SECRET": SECRET,
        "CLASSDROP_APPROVAL_STUDENTS": str(APPROVAL_STUDENTS),
        "CLASSDROP_WEBHOOK_PRIVATE": "1",
    }
    program = programs.start([], settings)
    try:
        in_thread(program.until_ready())
        yield program
    finally:
        programs.stop()


@pytest.fixture(scope="module")
def empty_school(own_program: Program, browser: Browser) -> Iterator[Classroom]:
    with classroom_at(own_program.url, browser) as found:
        yield found


@pytest.fixture(scope="module")
def full_school(empty_school: Classroom, own_program: Program, school_port: int) -> FullSchool:
    """The same installation, full: asked for by tests below those of the empty one."""
    receiver = f"http://127.0.0.1:{school_port}/hooks"
    school = FullSchool(empty_school, own_program.data_dir, receiver)
    school.fill()

    def is_looked_at() -> bool:
        found = school.get("/v1/consistency")
        return bool(found["latest"] and school.get("/v1/alerts")["alerts"])

    in_thread(eventually(is_looked_at, 30))
    return school


def look_at_the_office(eye: Eye, views: Iterable[str], state: str) -> None:
    page = eye.classroom.enter(eye.context(), "/office", Role.OPERATOR, "ops")
    for view in views:
        page.evaluate(_GO, f"#/{view}")
        expect(page.locator("#main h2").first).to_be_visible()
        eye.look(page, f"office/{state}/{view.split('_')[0]}")
    page.close()


def test_the_empty_office(empty_school: Classroom, locale: str) -> None:
    eye = Eye(empty_school, locale)
    look_at_the_office(eye, OFFICE, "empty")
    eye.assert_all_well()


def test_the_full_office(full_school: FullSchool, locale: str) -> None:
    eye = Eye(full_school.classroom, locale)
    lists = [view for view in OFFICE if not view.endswith("/new")]
    look_at_the_office(eye, [*lists, *full_school.views], "full")
    eye.assert_all_well()
