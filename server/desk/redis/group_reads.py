"""Reads entries of several streams as one consumer of a group. Used by outbox.py.

One server reads all streams in one command, and waits for the first entry. A cluster refuses a command with
keys of several slots, also on one node, and a waiting command for each stream would hold a connection for
each: there every stream is asked in turn, in one round trip for each node, until something comes.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from server.desk.redis.nodes import Nodes

_ANSWER_SECONDS: Final = 0.5  # of one node; one that is frozen does not hold back what others have
_TURN_SECONDS: Final = 0.03  # between two rounds; on average half of it is added to a confirmation


class GroupReads:
    """The reads of one consumer."""

    def __init__(self, nodes: Nodes, group: str, consumer: str, streams: Sequence[bytes]) -> None:
        self._nodes: Any = nodes
        self._group = group
        self._consumer = consumer
        self._streams = streams

    async def read(self, after: str, count: int, wait_ms: int | None = None) -> list[object]:
        """Return replies of XREADGROUP. `after`: ">" reads new entries, "0" those that this consumer has.

        In a cluster, nodes that fail are left out: the entries that others have given must not be lost. An
        error is raised where nobody answers.
        """
        if not self._nodes.has_slots:
            streams = dict.fromkeys(self._streams, after)
            args = (self._group, self._consumer, streams)
            return [await self._nodes.xreadgroup(*args, count=count, block=wait_ms)]
        end = monotonic() + (wait_ms or 0) / 1000
        while True:
            found = await self._ask_all(after, count)
            if found or monotonic() >= end:
                return found
            await asyncio.sleep(_TURN_SECONDS)

    async def _ask_all(self, after: str, count: int) -> list[object]:
        groups = await self._nodes.by_node(self._streams, lambda stream: stream)
        calls = (self._ask(node, some, after, count) for node, some in groups)
        replies = [reply for some in await asyncio.gather(*calls) for reply in some]
        errors = [reply for reply in replies if isinstance(reply, BaseException)]
        if errors and len(errors) == len(replies):
            raise errors[0]
        return [reply for reply in replies if reply and not isinstance(reply, BaseException)]

    async def _ask(
        self, node: Redis, streams: Sequence[bytes], after: str, count: int
    ) -> Sequence[object]:
        try:
            async with (
                asyncio.timeout(_ANSWER_SECONDS),
                node.pipeline(transaction=False) as pipe,
            ):
                for stream in streams:
                    pipe.xreadgroup(self._group, self._consumer, {stream: after}, count=count)
                replies: list[object] = await pipe.execute(raise_on_error=False)
        except (RedisError, OSError, TimeoutError) as error:
            return [error]
        return replies
