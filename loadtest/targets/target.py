"""What is tested: a server that runs already, or one of our own for as long as the test takes.

Called by the commands.
"""

import secrets
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from loadtest.clients.tokens import Passes, SignedPasses, load_passes
from loadtest.clients.websocket_codec import Address
from loadtest.targets.own_server import ServerError, is_ready, own_server


@dataclass(frozen=True, slots=True)
class Target:
    """`server_pid`: where it is ours."""

    url: str
    passes: Passes
    server_pid: int | None = None


@contextmanager
def target_of(asked: Namespace) -> Iterator[Target]:
    """From `--url`, `--secret-file`, `--token-file`, `--server-processes`. Raises ServerError,
    PassError, ValueError (a URL that is none)."""
    crowd = f"load-{secrets.token_hex(3)}"
    if asked.url:
        url = asked.url.rstrip("/").replace("//localhost", "//127.0.0.1")
        Address.of(url)
        passes = load_passes(asked.secret_file, asked.token_file, crowd)
        if not is_ready(url):
            raise ServerError(f"{url}/readyz does not say that it is ready")
        yield Target(url, passes)
        return
    with own_server(asked.server_processes) as server:
        yield Target(server.url, SignedPasses(server.secret, crowd), server.pid)
