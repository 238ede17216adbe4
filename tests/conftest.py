"""Rules for all tests: no setting of the developer decides a test, the fixtures of `tests/support` are
available everywhere, and a test has the mark of its folder (`pytest -m integration`).
"""

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from multiprocessing.util import Finalize
from pathlib import Path

import hypothesis
import pytest

# httpcore imports it with each request, five times. Here it is not installed, and each time Python and pytest
# look through all folders: a millisecond of CPU for each request of a test.
if importlib.util.find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # "it is not there", says the import system

_TESTS = Path(__file__).parent
_FOLDERS = ("unit", "contract", "integration", "races", "system", "browser")

_MEMORY = Path("/dev/shm")  # tmpfs on Linux
_ROOM_BYTES = 4 * 2**30  # a whole run leaves less than one

# They import each other, so pytest must rewrite all of them before the first import.
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
    # The time of an example depends on the machine; benchmarks measure speed.
    hypothesis.settings.register_profile("classdrop", deadline=None)
    hypothesis.settings.load_profile("classdrop")
    # Before the first import of the server: a developer's own settings must not decide a test.
    for name in [n for n in os.environ if n.startswith("CLASSDROP_") or n == "PORT"]:
        del os.environ[name]
    _keep_files_in_memory(config)


def _keep_files_in_memory(config: pytest.Config) -> None:
    """Let the temporary files of all tests lie in memory where the machine has room for them.

    Redis and the ledgers write through to the disk at each commit, as in production. A disk takes 0.5 to
    10 ms for that, memory 3 µs. Killed processes lose nothing either way: what they have written belongs
    to the system. `TMPDIR=/var/tmp python -m pytest ...` keeps the files, on a disk.
    """
    is_roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES
    if "TMPDIR" in os.environ or not is_roomy:
        return  # also in the workers of xdist: they inherit it
    # Short, because the path of a unix socket has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="cd", dir=_MEMORY))
    folder.chmod(0o711)  # PostgreSQL runs as another user
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    # After the folder that multiprocessing made in it for its sockets, which is removed with priority -100.
    Finalize(None, shutil.rmtree, args=(folder,), kwargs={"ignore_errors": True}, exitpriority=-200)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(_TESTS).parts[0]
        if folder in _FOLDERS:
            item.add_marker(folder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Run properties without coverage: tracing takes two thirds of their time.

    So the written examples alone must reach every branch, which also gives the same coverage in each run.
    pytest-cov's own mark `no_cover` does not do it under xdist: its workers start coverage twice, and the
    outer one goes on where the inner one pauses.
    """
    tracer = sys.gettrace()
    is_property = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    if is_property:
        sys.settrace(None)
    try:
        return (yield)
    finally:
        if is_property:
            sys.settrace(tracer)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail in CI where a test was skipped: it proves nothing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
