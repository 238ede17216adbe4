"""What is tested: a server that runs already, or one of our own for as long as the test takes.

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
    """`server_pid`: where it is ours."""

    url: str
    tokens: TokenSource
    server_pid: int | None = None


@contextmanager
def open_target(args: Namespace) -> Iterator[Target]:
    """From `--url`, `--secret-file`, `--token-file`, `--server-processes`. Raises ServerError,
    TokenError, ValueError (a URL that is none)."""
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
