"""A Redis Sentinel that watches a primary and its replica, all of the tests' own."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from server.process_guard import kill_child_on_parent_death
from tests.support.servers.redis_server import find_binary
from tests.support.servers.stack import free_port

PRIMARY_NAME: Final = "school"
_DOWN_MS: Final = 500  # without an answer for so long, the primary counts as gone
_STOP_SECONDS: Final = 10


@contextmanager
def watching(folder: Path, primary_port: int) -> Iterator[int]:
    """Run a Sentinel that alone decides about the primary on this port; yield its own port."""
    folder.mkdir(parents=True)
    port, config = free_port(), folder / "sentinel.conf"
    config.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
        f"sentinel monitor {PRIMARY_NAME} 127.0.0.1 {primary_port} 1\n"
        f"sentinel down-after-milliseconds {PRIMARY_NAME} {_DOWN_MS}\n"
        f"sentinel failover-timeout {PRIMARY_NAME} 2000\n"
    )
    with (folder / "sentinel.log").open("wb") as log:
        process = subprocess.Popen(
            [find_binary(), config, "--sentinel"],
            stdout=log,
            stderr=log,
            preexec_fn=kill_child_on_parent_death(),  # noqa: PLW1509
        )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(_STOP_SECONDS)
