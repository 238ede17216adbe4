"""Opens the system under test: a server that runs already, or one that is started for the test.

Called by the commands.
"""

import secrets
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from loadtest.clients.tokens import SignedTokens, TokenSource, load_tokens
from loadtest.clients.websocket_codec import Address
from loadtest.targets.own_server import ServerError, is_ready, own_server


@dataclass(frozen=True, slots=True)
class Target:
    """The system under test. `server_pid`: set if the server was started here."""

    url: str
    tokens: TokenSource
    server_pid: int | None = None


@contextmanager
def open_target(args: Namespace) -> Iterator[Target]:
    """Open the server that `--url`, `--secret-file`, `--token-file` and `--server-processes` describe.

    Raises ServerError, TokenError, or ValueError for a URL that is not http.
    """
    crowd = f"load-{secrets.token_hex(3)}"
    if args.url:
        url = args.url.rstrip("/").replace("//localhost", "//127.0.0.1")
        Address.of(url)
        tokens = load_tokens(args.secret_file, args.token_file, crowd)
        if not is_ready(url):
            raise ServerError(f"{url}/readyz does not say that it is ready")
        yield Target(url, tokens)
        return
    with own_server(args.server_processes) as server:
        yield Target(server.url, SignedTokens(server.secret, crowd), server.pid)
