"""The configuration of uvicorn."""

import asyncio

from server.commands.process.serving import service
from server.configuration.settings import read_settings
from server.gateway.sockets.connection_limiter import ConnectionLimiter


def test_idle_connections_are_kept_longer_than_balancers_keep_theirs() -> None:
    """Most keep them for 60 s; a request into a connection that is being closed is answered 502."""
    for given, expected in (({}, 75), ({"CLASSDROP_KEEP_ALIVE_SECONDS": "130"}, 130)):
        settings = read_settings(given)
        made = service(settings, None, asyncio.Protocol, ConnectionLimiter())
        assert made.config.timeout_keep_alive == expected
