"""Finds the primary by asking Redis Sentinel, each time a connection is made.

Used by connection.py alone. Sentinel promotes a replica when the primary is away, and then disconnects the
clients of the old one. A connection that notices by itself that it talks to a replica asks again as well.
"""

from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError

from server.configuration.redis_urls import SentinelAddress

_ANSWER_SECONDS: Final = 0.5  # of one Sentinel; the next is asked then


@dataclass(frozen=True, slots=True)
class Sentinels:
    """The Sentinels that watch one primary."""

    address: SentinelAddress

    async def primary(self) -> tuple[str, int]:
        """Return host and port of the primary.

        Raises redis-py's MasterNotFoundError, which is a ConnectionError, while there is none, or no Sentinel
        answers.
        """
        asked = Sentinel(  # type: ignore[no-untyped-call]
            list(self.address.hosts),
            sentinel_kwargs={
                "socket_connect_timeout": _ANSWER_SECONDS,
                "socket_timeout": _ANSWER_SECONDS,
                "retry": Retry(NoBackoff(), 0),
                **self.address.login,
            },
        )
        try:
            host, port = await asked.discover_master(self.address.primary)
            return host, port
        finally:
            for client in asked.sentinels:
                await client.aclose()


class PrimaryMixin:
    """Leads each connection to the primary of `sentinels`. Mixed into a connection class of redis-py."""

    sentinels: Sentinels

    async def connect_check_health(self, *args: Any, **kwargs: Any) -> None:
        """Connect; both ways in which redis-py does it come here."""
        if not self.is_connected:  # type: ignore[attr-defined]
            self.host, self.port = await self.sentinels.primary()
        await super().connect_check_health(*args, **kwargs)  # type: ignore[misc]

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().read_response(*args, **kwargs)  # type: ignore[misc]
        except ReadOnlyError:  # it was the primary once
            await self.disconnect(nowait=True)  # type: ignore[attr-defined]
            raise
