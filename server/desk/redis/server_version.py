"""The version of a Redis or Valkey server, and which data files it can read.

Called by desk/redis/embedded.py for a binary, and by commands/preflight.py for a running server.
"""

import asyncio
import re
from dataclasses import dataclass
from typing import Self

_OLDEST = (7, 0)  # EXPIRE options, sharded pub/sub, effects of scripts in the AOF
_FORKED_AT = (7, 2)  # Valkey reads what Redis wrote up to here
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ServerVersion:
    """A kind of server and its version."""

    kind: str  # "redis" or "valkey"
    numbers: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parse our own file ("redis 7.0.15") or `--version` ("Redis server v=7.0.15 sha=..."); None if it is
        neither.
        """
        found = re.match(r"(redis|valkey)(?: server)? (?:v=)?(\d+(?:\.\d+)*)", text.strip().lower())
        if not found:
            return None
        return cls(found[1], tuple(int(part) for part in found[2].split(".")))

    def __str__(self) -> str:
        return f"{self.kind} {'.'.join(map(str, self.numbers))}"

    @property
    def is_supported(self) -> bool:
        return self.numbers >= _OLDEST

    def can_read(self, writer: "ServerVersion | None") -> bool:
        """Return whether this server reads the data files of `writer`: its own or an older one's, never a
        newer one's.
        """
        if writer is None:
            return True
        if writer.kind == self.kind:
            return writer.numbers <= self.numbers
        return self.kind == "valkey" and writer.numbers[:2] <= _FORKED_AT


async def version_of_binary(path: str) -> ServerVersion | None:
    """Run `path --version` and parse it; None if it does not run or prints something else."""
    try:
        process = await asyncio.create_subprocess_exec(
            path, "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(_ANSWER_SECONDS):
            output, _ = await process.communicate()
    except (OSError, TimeoutError):
        return None
    return ServerVersion.parse(output.decode(errors="replace"))
