"""`python -m loadtest lesson`: runs the Locust example without its web page.

Called by the command line and `make load`. Locust runs in a process of its own, because importing it patches
the process that imports it.
"""

import contextlib
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from loadtest.clients.tokens import SignedTokens, TokenError
from loadtest.targets.machine import find_problems, read_limits
from loadtest.targets.own_server import ServerError
from loadtest.targets.target import Target, open_target

_NOT_RUN: Final = 2
_LOCUSTFILE: Final = Path(__file__).parents[1] / "locustfile.py"
_STOP_SECONDS: Final = 30.0


def lesson_command(options: Namespace) -> int:
    limits = read_limits()
    _print(f"this machine: {limits}")
    problems = find_problems(limits, options.students, 1, 0)
    for problem in problems:
        _print(problem)
    if problems:
        return _NOT_RUN
    try:
        with open_target(options) as target, _credentials(target, options) as credentials:
            return _run([*_command(target.url, options), *credentials])
    except (ServerError, TokenError, ValueError) as error:
        _print(str(error))
        return _NOT_RUN


def _command(url: str, options: Namespace) -> list[str]:
    html: Path = options.html
    html.parent.mkdir(parents=True, exist_ok=True)
    csv = html.with_suffix("")
    command = [sys.executable, "-m", "locust", "-f", str(_LOCUSTFILE), "--host", url]
    command += ["--headless", "--only-summary", "--html", str(html), "--csv", str(csv)]
    command += ["--students", str(options.students), "--stock", str(options.stock)]
    command += ["--lesson-seconds", str(options.seconds), "--drop-every", str(options.drop_every)]
    for option in ("room", "batch"):
        if given := getattr(options, option):
            command += [f"--{option}", given]
    if options.fail_on:
        command += ["--fail-on", *(f"{gate.name}={gate.most_ms:g}" for gate in options.fail_on)]
    return command


@contextmanager
def _credentials(target: Target, options: Namespace) -> Iterator[list[str]]:
    """Yield the options that give Locust the tokens. A secret goes through a file: arguments are visible to
    all users."""
    if options.token_file is not None:
        yield ["--token-file", str(options.token_file)]
    elif isinstance(target.tokens, SignedTokens):
        with tempfile.NamedTemporaryFile("w", prefix="classdrop-secret-") as file:
            file.write(target.tokens.secret)
            file.flush()
            yield ["--secret-file", file.name]


def _run(command: list[str]) -> int:
    process = subprocess.Popen(command)
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
            process.kill()


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201  (the command's own words)
