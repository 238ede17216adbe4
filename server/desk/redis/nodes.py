"""The client of whatever a URL leads to: one server, or a cluster whose primaries share the keys.

Made by connection.py, used by the classes of desk/. `Nodes` is one server, which answers for every key by
itself; `Cluster` (cluster.py) finds the primary of each key. Commands with a key go through either alike.
What concerns a server and not a key (TIME, SCAN, INFO, a read of several streams) is asked of each primary.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Self, TypeVar

from redis.asyncio import ConnectionPool, Redis

_T = TypeVar("_T")


class Nodes(Redis):
    """One server. `has_slots`: a command may only name keys of one slot, as in a cluster."""

    has_slots = False

    @classmethod
    def owning(cls, pool: ConnectionPool) -> Self:
        """Return a client that closes the pool with itself."""
        client = cls(connection_pool=pool)
        client.auto_close_connection_pool = True
        return client

    def at(self, key: str | bytes) -> Redis:
        """Return the client of the node that has the key, as far as is known."""
        del key
        return self

    async def by_node(
        self, items: Iterable[_T], key_of: Callable[[_T], str | bytes]
    ) -> list[tuple[Redis, list[_T]]]:
        """Return the items in groups, each with the client of the node that has their keys."""
        found = list(items)
        return [(self, found)] if found else []

    async def each_primary(self) -> Sequence[Redis]:
        """Return a client of each server that has keys."""
        return [self]

    async def refresh(self) -> None:
        """Read anew which node has which key."""
