"""A pgbouncer in transaction mode before a PostgreSQL of the tests, on a unix socket.

Debian's package is enough (`apt-get install pgbouncer`): its service need not run.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from server.process_guard import kill_child_on_parent_death
from tests.support.servers.postgres import PostgresServer

PROGRAM: Final = "/usr/sbin/pgbouncer"
SERVER_CONNECTIONS: Final = 2  # fewer than clients, so that each transaction gets another one
_PORT: Final = 6432
_STOP_SECONDS: Final = 10


class PgBouncer:
    """Running once constructed; each database of the server is reached by the same name."""

    def __init__(self, server: PostgresServer) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="cdb-"))
        user = server.user
        (self._directory / "users.txt").write_text('"postgres" ""\n')
        (self._directory / "pgbouncer.ini").write_text(
            "[databases]\n"
            f"* = host={Path(server.socket_path).parent}\n"
            "[pgbouncer]\n"
            "listen_addr =\n"
            f"listen_port = {_PORT}\n"
            f"unix_socket_dir = {self._directory}\n"
            "auth_type = trust\n"
            f"auth_file = {self._directory / 'users.txt'}\n"
            "pool_mode = transaction\n"
            f"default_pool_size = {SERVER_CONNECTIONS}\n"
        )
        if user is not None:
            owner = pwd.getpwnam(user)
            for path in (self._directory, *self._directory.iterdir()):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        self._process = subprocess.Popen(
            [PROGRAM, self._directory / "pgbouncer.ini"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self._directory,
            user=user,
            preexec_fn=kill_child_on_parent_death(),  # noqa: PLW1509
        )
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if "process up" in line:
                break
        else:
            raise RuntimeError(f"pgbouncer did not start: status {self._process.wait()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.communicate(timeout=_STOP_SECONDS)
        shutil.rmtree(self._directory, ignore_errors=True)

    def url(self, direct: str) -> str:
        """Return the URL of the database that has the URL `direct` on the server itself."""
        address = direct.partition("?")[0]
        return f"{address}?host={self._directory}&port={_PORT}"
