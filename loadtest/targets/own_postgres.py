"""Starts a PostgreSQL for a test in a fresh folder, on a unix socket, with its default settings (fsync on).

Called by the checkout bench, on a machine that has PostgreSQL's programs. The folder is deleted afterwards.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from loadtest.targets.own_server import ServerError

_PROGRAMS: Final = ("initdb", "postgres", "psql")
_USER: Final = "postgres"  # PostgreSQL refuses to run as root
_READY_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 15.0
_PAUSE_SECONDS: Final = 0.05


def has_postgres() -> bool:
    return all(shutil.which(name) for name in _PROGRAMS)


@contextmanager
def own_postgres() -> Iterator[str]:
    """Run a PostgreSQL for the block and yield its URL. Raises ServerError if it does not start."""
    folder = Path(tempfile.mkdtemp(prefix="classdrop-pg-"))
    user = _USER if os.geteuid() == 0 else None
    try:
        if user is not None:
            owner = pwd.getpwnam(user)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        data = folder / "data"
        _run(folder, user, "initdb", "-A", "trust", "-U", _USER, "-E", "UTF8", "-D", str(data))
        with _running(folder, user):
            yield f"postgresql://{_USER}@/{_USER}?host={folder}"
    except (KeyError, subprocess.SubprocessError) as error:
        raise ServerError(f"PostgreSQL did not start: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(folder: Path, user: str | None) -> Iterator[None]:
    command = ["postgres", "-D", str(folder / "data"), "-k", str(folder), "-c", "listen_addresses="]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        user=user,
        start_new_session=True,
    )
    try:
        _wait_until_ready(folder, user)
        yield
    finally:
        process.send_signal(signal.SIGINT)  # fast shutdown: closes connections, then ends
        process.wait(_STOP_SECONDS)


def _wait_until_ready(folder: Path, user: str | None) -> None:
    give_up_at = time.monotonic() + _READY_SECONDS
    while True:
        try:
            _run(folder, user, "psql", "-X", "-U", _USER, "-h", str(folder), "-c", "SELECT 1")
        except subprocess.CalledProcessError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _run(folder: Path, user: str | None, *command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, cwd=folder, user=user)
