"""`python -m tests [--fast]`: everything that must hold, the same here and in CI.

Formatting, lint, types, layers and the JavaScript half, and beside them pytest with coverage of the fast
folders; then pytest of the others. The exit status is the worst of all. With root on Debian what is missing
is installed first; elsewhere one line says what will be skipped. With CI=true nothing may be skipped: a
missing tool is a failure.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_BIN = Path(sys.executable).parent
# The fast ones run once, with coverage; the rest without, because tracing would double what the
# servers' tests take.
_FAST_FOLDERS = ("unit", "contract")
_SLOW_FOLDERS = ("integration", "races", "system", "browser")
# Where every branch is a rule: covered whole, by tests that need nothing but themselves.
_COVERED = (
    "server.core",
    "server.tokens",
    "server.frames.wire",
    "server.frames.client_frames",
    "server.frames.coupon_frames",
    "server.gateway.sockets.session",
    "server.gateway.sockets.handshake",
    "server.gateway.sockets.frames",
    "client_sdk.python.session",
    "client_sdk.python.room",
    "client_sdk.python.coupons",
    "client_sdk.python.pending_requests",
    "client_sdk.python.frames",
)
# Much of a run is waiting for processes to start and die: two at a time, file by file, in the order of
# tests/support/durations.py.
_SIDE_BY_SIDE = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
# npm's tools live in the virtual environment; `make js-tools` puts them there.
_JS_BIN = _BIN.parent / "javascript/node_modules/.bin"
_PRETTIER = (
    "--check",
    "--log-level=warn",
    "--cache",
    "--cache-strategy=content",
    f"--cache-location={_BIN.parent}/javascript/prettier-cache",
)
_JS_FILES = ("client_sdk/**/*.js", "server/**/*.js", "tests/**/*.js")
_DURATIONS = _ROOT / "reports/test-durations.json"
_CJK_FONT = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"


Check = tuple[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Tool:
    """A program or font that the tests need. `package` is Debian's. `service` is started by its installation
    and stopped again: the tests start their own servers."""

    is_there: Callable[[], bool]
    package: str
    needed_for: str
    service: str | None = None


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _has_postgres() -> bool:
    # Debian keeps the server out of PATH.
    folders = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    return _program("postgres")() or any(folders)


_TOOLS = (
    _Tool(_program("redis-server"), "redis-server", "tests on Redis 7", "redis-server"),
    _Tool(_has_postgres, "postgresql", "tests on PostgreSQL", "postgresql"),
    _Tool(Path("/usr/sbin/pgbouncer").exists, "pgbouncer", "the ledger behind it", "pgbouncer"),
    _Tool(_program("chromium"), "chromium", "browser tests"),
    _Tool(_program("node"), "nodejs", "JavaScript tests"),
    _Tool(_program("npm"), "npm", "types and format of the JavaScript"),
    _Tool(Path("/usr/sbin/nginx").exists, "nginx", "the README's nginx block", "nginx"),
    _Tool(Path(_CJK_FONT).exists, "fonts-noto-cjk", "Chinese texts in screenshots"),
)


def main() -> int:
    asked = _arguments()
    is_ci = os.environ.get("CI") == "true"
    failed = [] if asked.fast else _prepare(is_ci)
    with ThreadPoolExecutor() as threads:
        fast = threads.submit(_run, _covered_pytest(), stdout=subprocess.PIPE)
        failed += _failed_checks()
        if failed:
            _say(f"failed beside pytest: {', '.join(failed)}")
        runs = [fast.result()]
    # Last, so that the closing line of pytest is the last line.
    print(runs[0].stdout, end="", flush=True)
    if not asked.fast:
        runs.append(_run(_pytest(_SLOW_FOLDERS), TEST_DURATIONS=str(_DURATIONS)))
    return max(run.returncode for run in runs) or bool(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__)
    parser.add_argument("--fast", action="store_true", help="no servers, databases or browser")
    return parser.parse_args()


def _prepare(is_ci: bool) -> list[str]:
    """Install the missing tools where this process may. Return those without which CI fails."""
    missing = [tool for tool in _TOOLS if not tool.is_there()]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        _install(missing)
        missing = [tool for tool in missing if not tool.is_there()]
    if not missing:
        return []
    without = "; ".join(f"{tool.needed_for} (no {tool.package})" for tool in missing)
    _say(f"{'missing' if is_ci else 'will be skipped'}: {without}")
    return [tool.package for tool in missing] if is_ci else []


def _install(tools: Iterable[_Tool]) -> None:
    packages = [tool.package for tool in tools]
    _say(f"installing {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages]
    for command in (["apt-get", "update", "-qq"], install):
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
    # The tests bring their own servers, on sockets of their own.
    for tool in tools:
        if tool.service and shutil.which("service"):
            subprocess.run(["service", tool.service, "stop"], capture_output=True, check=False)


def _failed_checks() -> list[str]:
    """Run the checks of both languages side by side and return the names of those that failed."""
    with ThreadPoolExecutor() as threads:
        return list(chain(*threads.map(_failed, (_python_checks(), _javascript_checks()))))


def _failed(checks: Iterable[Check]) -> list[str]:
    return [name for name, command in checks if not _passes(name, command)]


def _python_checks() -> Iterable[Check]:
    yield "ruff format", [str(_BIN / "ruff"), "format", "--check", "--quiet", "."]
    yield "ruff check", [str(_BIN / "ruff"), "check", "--quiet", "."]
    yield "mypy", [str(_BIN / "mypy"), "--no-error-summary"]
    yield "layers", [str(_BIN / "lint-imports"), "--no-logo"]


def _javascript_checks() -> Iterable[Check]:
    """Yield them one by one: the first installs the tools that the next ones need."""
    if shutil.which("npm"):
        yield "JavaScript tools", ["make", "--silent", f"VENV={_BIN.parent}", "js-tools"]
    if _JS_BIN.is_dir():
        yield "prettier", [str(_JS_BIN / "prettier"), *_PRETTIER, *_JS_FILES]
        yield "tsc", [str(_JS_BIN / "tsc")]
        yield "SDK package", ["make", "--silent", f"VENV={_BIN.parent}", "sdk"]
    scripts = [str(path.relative_to(_ROOT)) for path in _javascript_tests()]
    if scripts and shutil.which("node"):
        yield "node", ["node", "--test", *scripts]


def _javascript_tests() -> Iterable[Path]:
    for folder in ("client_sdk/javascript", "tests"):
        for ending in ("js", "mjs"):
            yield from sorted((_ROOT / folder).rglob(f"*.test.{ending}"))


def _covered_pytest() -> list[str]:
    sources = [f"--cov={name}" for name in _COVERED]
    gates = ["--cov-branch", "--cov-fail-under=100", "--cov-report=term-missing:skip-covered"]
    return [*_pytest(_FAST_FOLDERS), *sources, *gates]


def _pytest(folders: Iterable[str]) -> list[str]:
    paths = [f"tests/{name}" for name in folders]
    return [sys.executable, "-m", "pytest", "-q", *_SIDE_BY_SIDE, *paths]


def _passes(name: str, command: Sequence[str]) -> bool:
    """Run a check and print one line; print its output as well where it failed."""
    started = time.monotonic()
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    passed = done.returncode == 0
    _say(f"{name}: {'ok' if passed else 'FAILED'} ({time.monotonic() - started:.1f} s)")
    if not passed:
        print(done.stdout + done.stderr, flush=True)
    return passed


def _run(
    command: Sequence[str], stdout: int | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    # Some machines keep Python from writing compiled modules. With them servers start in two thirds of the
    # time, and the tests are collected in a quarter of it.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= variables
    return subprocess.run(
        command, cwd=_ROOT, env=environment, stdout=stdout, text=True, check=False
    )


def _say(text: str) -> None:
    print(f"[tests] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
