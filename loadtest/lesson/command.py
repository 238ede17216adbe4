"""`python -m loadtest lesson`: the Locust example, headless, against a server of its own or yours.

Called by the command line and `make load`. Locust runs in a process of its own: importing it
patches the one it is in.
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

from loadtest.clients.tokens import PassError, SignedPasses
from loadtest.targets.machine import problems_of, read_limits
from loadtest.targets.own_server import ServerError
from loadtest.targets.target import Target, target_of

_COULD_NOT: Final = 2
_LOCUSTFILE: Final = Path(__file__).parents[1] / "locustfile.py"
_STOP_SECONDS: Final = 30.0


def lesson_command(asked: Namespace) -> int:
    limits = read_limits()
    _say(f"this machine: {limits}")
    problems = problems_of(limits, asked.students, 1, 0)
    for problem in problems:
        _say(problem)
    if problems:
        return _COULD_NOT
    try:
        with target_of(asked) as target, _credentials(target, asked) as credentials:
            return _run([*_command(target.url, asked), *credentials])
    except (ServerError, PassError, ValueError) as error:
        _say(str(error))
        return _COULD_NOT


def _command(url: str, asked: Namespace) -> list[str]:
    html: Path = asked.html
    html.parent.mkdir(parents=True, exist_ok=True)
    csv = html.with_suffix("")
    command = [sys.executable, "-m", "locust", "-f", str(_LOCUSTFILE), "--host", url]
    command += ["--headless", "--only-summary", "--html", str(html), "--csv", str(csv)]
    command += ["--students", str(asked.students), "--stock", str(asked.stock)]
    command += ["--lesson-seconds", str(asked.seconds), "--drop-every", str(asked.drop_every)]
    for option in ("room", "batch"):
        if given := getattr(asked, option):
            command += [f"--{option}", given]
    if asked.fail_on:
        command += ["--fail-on", *(f"{gate.name}={gate.most_ms:g}" for gate in asked.fail_on)]
    return command


@contextmanager
def _credentials(target: Target, asked: Namespace) -> Iterator[list[str]]:
    """A secret goes by a file: arguments are for everybody on the machine to read."""
    if asked.token_file is not None:
        yield ["--token-file", str(asked.token_file)]
    elif isinstance(target.passes, SignedPasses):
        with tempfile.NamedTemporaryFile("w", prefix="classdrop-secret-") as file:
            file.write(target.passes.secret)
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


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  (the command's own words)
