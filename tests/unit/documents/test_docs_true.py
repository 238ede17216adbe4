"""The documents name what exists, all that exists is named, and no file tells where it was written."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import Table
from starlette.routing import Route

from server.configuration.settings import Settings
from server.core.drops.claims import Outcome
from server.core.refusals import Code
from server.gateway.sockets import close_reasons
from server.ledger.tables.coupon import lottery, offer
from server.ledger.tables.drop import draw, task
from server.observability.metrics import Metrics
from server.pages.routes import PageFacts, page_routes
from tests.support.pages_by_role import pages_of_rows
from tests.support.rendered import (
    application_order_table,
    coupon_states_section,
    events_table,
    metrics_table,
    settings_table,
)

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()
PROTOCOL = (ROOT / "client_sdk" / "PROTOCOL.md").read_text()
ARCHITECTURE = ROOT / "server" / "ARCHITECTURE.md"
REFERENCE = ROOT / "server" / "REFERENCE.md"
DECISIONS = ROOT / "server" / "decisions"
OPERATIONS = README.partition("## Operations")[2].partition("\n## ")[0]

# Made here, by tools or by running: not what anybody publishes.
NOT_OURS = {"__pycache__", "node_modules", "dist", "htmlcov", "reports", ".data"}
KEPT_DOT_FOLDERS = {".ci"}
ELSEWHERE = {
    "a folder of one machine": re.compile(r"(?<![\w.-])/(?:work|tmp)/"),
    "an index host": re.compile(
        r"pypi\.|pythonhosted|npmjs|index[-_]url|find[-_]links|[\w.-]+/simple/?(?:\s|$)", re.I
    ),
}


def words(text: str) -> set[str]:
    """Return the words in backquotes."""
    return set(re.findall(r"`([\w.-]+)`", text))


def numbers(text: str) -> set[int]:
    return {int(number) for number in re.findall(r"\b\d{4}\b", text)}


def test_every_metric_is_in_the_table_of_the_operations_part() -> None:
    table = OPERATIONS.partition("metrics_table -->\n")[2].partition("<!-- /metrics -->")[0]

    assert table == metrics_table()


def test_that_table_has_every_metric_there_is() -> None:
    families = list(Metrics().registry.collect())
    rows = metrics_table().splitlines()[2:]

    assert len(rows) == len(families) > 20
    assert all(family.documentation in row for family, row in zip(families, rows, strict=True))


def test_every_setting_is_in_the_readme() -> None:
    assert settings_table() in README
    assert settings_table().count("\n| `CLASSDROP_") == len(fields(Settings))


def test_every_variable_the_readme_names_is_read() -> None:
    named = set(re.findall(r"CLASSDROP_[A-Z_]+[A-Z]", README))
    assert named == set(re.findall(r"CLASSDROP_[A-Z_]+[A-Z]", settings_table()))


def test_the_table_of_events_is_the_codes() -> None:
    table = PROTOCOL.partition("rendered.events_table -->\n")[2].partition("<!-- /events -->")[0]

    assert table == events_table()


@pytest.mark.parametrize("code", Code)
def test_every_error_code_is_in_the_protocol(code: Code) -> None:
    assert code.value in words(PROTOCOL.partition("### Errors")[2])


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_of_a_claim_is_in_the_protocol(outcome: Outcome) -> None:
    assert outcome.value in words(PROTOCOL.partition("### A claim\n")[2].partition("\n###")[0])


@pytest.mark.parametrize(
    "code", sorted({one.code for one in close_reasons.ALL} | {close_reasons.GOING_AWAY})
)
def test_every_close_code_is_in_the_protocol(code: int) -> None:
    table = PROTOCOL.partition("| close code |")[2].partition("\n\n")[0]
    assert code in numbers(table)


def test_no_close_code_is_left_out_of_the_list_that_is_checked() -> None:
    made = {
        one for one in vars(close_reasons).values() if isinstance(one, close_reasons.SocketClose)
    }
    assert made == set(close_reasons.ALL)


def test_every_decision_that_is_named_is_written_and_every_one_written_is_named() -> None:
    named = set(re.findall(r"\((\d{4}-[\w-]+\.md)\)", (DECISIONS / "README.md").read_text()))
    written = {path.name for path in DECISIONS.glob("[0-9]*.md")}

    assert named == written
    assert written


def test_the_states_of_a_coupon_are_drawn_as_they_are() -> None:
    text = REFERENCE.read_text().partition("<!-- coupon states")[2].partition("-->\n")[2]

    assert text.partition("<!-- /coupon states")[0] == coupon_states_section()


def test_the_order_of_application_is_in_the_reference() -> None:
    assert application_order_table() in REFERENCE.read_text()


@pytest.mark.parametrize(
    "page", [ARCHITECTURE, REFERENCE, *sorted(DECISIONS.glob("*.md"))], ids=lambda p: p.stem
)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = set(re.findall(r"`((?:\w+/)+(?:[\w*.-]+\.(?:py|lua|md|js|json))?)`", page.read_text()))
    missing = {name for name in named if not [*ROOT.glob(name), *(ROOT / "server").glob(name)]}

    assert missing == set()


def test_the_architecture_stays_a_page() -> None:
    assert len(ARCHITECTURE.read_text().splitlines()) < 250


def test_every_subject_package_is_in_the_contract_of_its_layer() -> None:
    """Modules at a layer's top are shared by its subjects, so import-linter has to know each of them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    listed = {name for contract in contracts for name in contract.get("source_modules", ())}
    for layer in ("core", "ledger", "flows"):
        tops = {path.stem for path in (ROOT / "server" / layer).glob("*.py")} - {"__init__"}
        assert {f"server.{layer}.{top}" for top in tops} <= listed


@pytest.mark.parametrize("what", ELSEWHERE)
def test_no_file_outside_tests_names(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path, text in our_texts()
        for number, line in enumerate(text.splitlines(), 1)
        if ELSEWHERE[what].search(line)
    ]

    assert found == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("see " + "/work" + "/notes.md", "a folder of one machine"),
        ("cd /tmp/x", "a folder of one machine"),
        ("'/tmp/x'", "a folder of one machine"),
        ("--index" + "-url https://a.example/simple", "an index host"),
        ("PIP_FIND_LINKS=/x", "an index host"),
        ("https://pypi.org/", "an index host"),
        ("https://a.example/root/simple", "an index host"),
    ],
)
def test_such_a_line_would_be_found(text: str, what: str) -> None:
    assert ELSEWHERE[what].search(text)


def our_texts() -> Iterator[tuple[Path, str]]:
    files = list(_files(ROOT))
    assert len(files) > 200
    for path in files:
        try:
            yield path, path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # a picture


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_file():
            if not path.name.startswith(".coverage"):
                yield path
        elif _is_ours(path):
            yield from _files(path)


def _is_ours(folder: Path) -> bool:
    if folder == ROOT / "tests" or folder.name in NOT_OURS or folder.suffix == ".egg-info":
        return False
    return not folder.name.startswith(".") or folder.name in KEPT_DOT_FOLDERS


@pytest.mark.parametrize("module", [draw, lottery, offer, task], ids=lambda one: one.__name__)
def test_the_reference_says_when_each_row_ends(module: ModuleType) -> None:
    names = [one.name for one in vars(module).values() if isinstance(one, Table)]
    assert names
    assert [one for one in names if f"`{one}`" not in REFERENCE.read_text()] == []


def test_every_page_is_in_the_table_of_pages_by_what_is_done_on_them() -> None:
    text = (ROOT / "server/pages/static/office/pages.js").read_text()
    office = {f"/office#/{name}" for name in re.findall(r'^ {4}name: "([\w-]+)"', text, re.M)}
    files = ("/favicon.ico", "/s/", "/sdk/", "/static/")
    routes = {route.path for route in page_routes(PageFacts()) if isinstance(route, Route)}
    pages = {path for path in routes if not path.startswith(files)}
    named = {line.page for line in pages_of_rows()}

    assert len(office) > 15
    assert office - {re.sub(r"(#/[\w-]+).*", r"\1", page) for page in named} == set()
    assert pages - {re.sub(r"[?#].*", "", page) for page in named} == set()


def test_that_table_is_read_to_its_end_and_in_the_order_of_its_rows() -> None:
    rows = [line.row for line in pages_of_rows()]
    section = REFERENCE.read_text().partition("## Pages by what is done on them")[2]

    assert len(rows) == len(re.findall(r"^\| [A-Z]\d", section, re.M)) > 60
    assert rows == sorted(rows, key=lambda row: (row[0], int(row[1:])))
