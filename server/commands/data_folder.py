"""The data folder: its paths, its lock, and the secret that is stored in it.

Called by `run`, which holds the lock, and by `token`, which only reads the secret.
"""

import asyncio
import fcntl
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from server.commands import CommandError

_SECRET_BYTES = 48
# The children of a killed service end at once, but not in the same instant.
_LOCK_SECONDS = 2.0
_RETRY_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class DataFolder:
    path: Path

    @property
    def redis(self) -> Path:
        return self.path / "redis"

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.path / 'ledger.sqlite3'}"

    @property
    def demo_links(self) -> Path:
        return self.path / "demo-links.json"

    @property
    def _secret_file(self) -> Path:
        return self.path / "secret"

    @property
    def _lock_file(self) -> Path:
        return self.path / "lock"

    def kept_secret(self) -> str | None:
        try:
            return self._secret_file.read_text().strip() or None
        except FileNotFoundError:
            return None

    def secret(self) -> str:
        """Return the stored secret. Make one on first use, readable only by the owner."""
        kept = self.kept_secret()
        if kept is not None:
            return kept
        made = secrets.token_urlsafe(_SECRET_BYTES)
        # Written to another file and then renamed, so that a crash cannot leave half a secret.
        fresh = self._secret_file.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(made + "\n")
        fresh.rename(self._secret_file)
        return made

    @asynccontextmanager
    async def claimed(self) -> AsyncIterator[int]:
        """Hold the folder's lock, or raise CommandError where another service has it.

        Yields the lock's file descriptor. A child that inherits it keeps the folder locked until it ends.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            await self._lock(lock)
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
            yield lock
        finally:
            os.close(lock)

    async def _lock(self, lock: int) -> None:
        try:
            async with asyncio.timeout(_LOCK_SECONDS):
                while not _locked(lock):  # noqa: ASYNC110  (another process sets no event here)
                    await asyncio.sleep(_RETRY_SECONDS)
        except TimeoutError:
            holder = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
            raise CommandError(
                f"{self.path} is in use by another Classdrop (process {holder}); stop that one or "
                "set CLASSDROP_DATA_DIR."
            ) from None


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
