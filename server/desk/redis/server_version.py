"""Which Redis or Valkey a binary is, and which data it can read. Called by `desk.embedded`, and by
`commands.checks` for a server that is running."""

import asyncio
import re
from dataclasses import dataclass
from typing import Self

_OLDEST = (7, 0)  # EXPIRE options, sharded pub/sub, effects of scripts in the AOF
_FORKED_AT = (7, 2)  # Valkey reads what Redis wrote up to here
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ServerVersion:
    kind: str  # "redis" or "valkey"
    numbers: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """From our own file ("redis 7.0.15") or `--version` ("Redis server v=7.0.15 sha=...")."""
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
        """Formats grow: a server reads what it or an older one wrote, not what a newer one did."""
        if writer is None:
            return True
        if writer.kind == self.kind:
            return writer.numbers <= self.numbers
        return self.kind == "valkey" and writer.numbers[:2] <= _FORKED_AT


async def version_of_binary(path: str) -> ServerVersion | None:
    """None where it does not run or says something else."""
    try:
        process = await asyncio.create_subprocess_exec(
            path, "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(_ANSWER_SECONDS):
            output, _ = await process.communicate()
    except (OSError, TimeoutError):
        return None
    return ServerVersion.parse(output.decode(errors="replace"))
