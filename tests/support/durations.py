"""The longest test files first, so that no worker is left alone with one at the end.

`tests/durations.json` has the seconds of each file that takes long. `python -m tests` measures them again
and leaves them in `reports/test-durations.json`: copy it over the other now and then. A file that it does
not name is short.
"""

import json
import os
from collections import defaultdict
from pathlib import Path

import pytest

_MEASURED = Path(__file__).parents[1] / "durations.json"
_LEAST_S = 4.0  # the order of shorter files makes no difference
_seconds: defaultdict[str, float] = defaultdict(float)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort by file where several workers share the tests; the browser's last, because Playwright leaves a
    loop behind it. The tests of a file keep their order."""
    if not hasattr(config, "workerinput"):
        return
    measured: dict[str, float] = json.loads(_MEASURED.read_text("utf-8"))

    def place(item: pytest.Item) -> tuple[bool, float]:
        file = _file_of(item.nodeid)
        return file.startswith("tests/browser/"), -measured.get(file, 0.0)

    items.sort(key=place)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _seconds[_file_of(report.nodeid)] += report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was measured to the file that TEST_DURATIONS names, beside what it has of other files."""
    path = os.environ.get("TEST_DURATIONS")
    if path is None or hasattr(session.config, "workerinput"):
        return
    target = Path(path)
    known = json.loads(target.read_text("utf-8")) if target.is_file() else {}
    known |= {file: round(s, 1) for file, s in _seconds.items() if s >= _LEAST_S}
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", "utf-8")


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]
