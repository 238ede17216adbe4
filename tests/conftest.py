"""What holds for every test: no setting leaks in, and the fixtures of `tests/support` are there by
need. A test is marked by its folder (`pytest -m integration`)."""

import os
from pathlib import Path

import hypothesis
import pytest

_TESTS = Path(__file__).parent
_FOLDERS = ("unit", "contract", "integration", "races", "system", "browser")

# They import each other: each is to be rewritten, whoever comes first.
pytest.register_assert_rewrite("tests.support")

# All modules of the package, so that a new one with fixtures need not be named here.
pytest_plugins = [
    ".".join(path.relative_to(_TESTS.parent).with_suffix("").parts)
    for path in sorted((_TESTS / "support").rglob("*.py"))
    if path.stem != "__init__"
]


def pytest_configure(config: pytest.Config) -> None:
    for folder in _FOLDERS:
        config.addinivalue_line("markers", f"{folder}: tests of the folder tests/{folder}")
    # How long an example takes is the machine's: what is to be quick is shown by a benchmark.
    hypothesis.settings.register_profile("classdrop", deadline=None)
    hypothesis.settings.load_profile("classdrop")
    # Before anything is imported: a developer's own settings must not decide a test.
    for name in [n for n in os.environ if n.startswith("CLASSDROP_") or n == "PORT"]:
        del os.environ[name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(_TESTS).parts[0]
        if folder in _FOLDERS:
            item.add_marker(folder)
        # Tracing takes two thirds of the time of a property. So the written examples alone must reach every
        # branch; this also gives the same coverage in each run.
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("no_cover")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skipped test proves nothing: in CI it is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
