"""A Redis Cluster as one client: finds the primary of each key, and notices when that changes.

Made by connection.py. redis-py's own cluster client is not used; decision 0067 says why. Every connection of
every node reports what it sees: MOVED names the new primary of a slot; a lost connection or CLUSTERDOWN makes
the whole table doubtful, and it is read anew in the background. MOVED and ASK mean that the command was not
executed, so it is sent once more, to the node that they name. Every other failure is the caller's.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import AskError, ClusterDownError, MovedError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from server.configuration.redis_urls import ClusterAddress
from server.desk.redis.nodes import Nodes
from server.desk.redis.slot_table import EMPTY, Address, SlotTable, slot_of
from server.single_flight import SingleFlight

_ANSWER_SECONDS: Final = 0.5  # of one node about the table; the next is asked then
_PAUSE_SECONDS: Final = 0.1  # between two readings of the table
# Commands that concern a server and not a key; who means them asks each primary.
_OF_SERVERS: Final = frozenset(
    {"BGREWRITEAOF", "BGSAVE", "CONFIG GET", "FLUSHALL", "INFO", "PING", "SCAN", "TIME", "WAIT"}
)
_T = TypeVar("_T")
MakePool = Callable[[str, tuple[type, ...]], ConnectionPool]


class _NodeMixin:
    """Reports to its cluster what happens on a connection. Mixed into a connection class of redis-py."""

    cluster: "Cluster"

    async def connect_check_health(self, *args: Any, **kwargs: Any) -> None:
        """Connect; both ways in which redis-py does it come here."""
        try:
            await super().connect_check_health(*args, **kwargs)  # type: ignore[misc]
        except (RedisError, OSError, asyncio.CancelledError):
            self.cluster.doubt()
            raise

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().read_response(*args, **kwargs)  # type: ignore[misc]
        except MovedError as error:
            host = error.host or self.host  # type: ignore[attr-defined]
            self.cluster.note_moved(error.slot_id, Address(host, error.port))
            raise
        except (RedisConnectionError, ClusterDownError, OSError, asyncio.CancelledError):
            self.cluster.doubt()  # cancelled: a deadline of ours, as for a frozen node
            raise


class Cluster(Nodes):
    """All primaries of one cluster. `make_pool(url, mixins)` makes the pool of a node.

    Pools of nodes that have left are kept, without their idle connections: a node may come back.
    """

    has_slots = True

    def __init__(self, address: ClusterAddress, make_pool: MakePool) -> None:
        self._address = address
        self._make_pool = make_pool
        mixin = type("Node", (_NodeMixin,), {"cluster": self})
        self._mixins = (mixin,)
        self._seeds = [Address(host, port) for host, port in address.hosts]
        self._table = EMPTY
        self._nodes: dict[Address, Nodes] = {}
        self._reading: SingleFlight[str, None] = SingleFlight()
        self._is_doubtful = False
        self._is_closed = False
        self._doubts: asyncio.Task[None] | None = None
        self._on_reads: list[Callable[[], None]] = []
        # The pool of no node in use: redis-py reads the options of connections there.
        super().__init__(connection_pool=self._pool_of(self._seeds[0], ()))

    # --- the interface of Nodes ---------------------------------------------------------------

    def at(self, key: str | bytes) -> Redis:
        """Return the client of the key's primary, or, before the table was read, of any node."""
        return self.node(self.owner(key) or self._seeds[0])

    async def by_node(
        self, items: Iterable[_T], key_of: Callable[[_T], str | bytes]
    ) -> list[tuple[Redis, list[_T]]]:
        await self._know()
        groups: dict[Address, list[_T]] = {}
        for item in items:
            groups.setdefault(self._owner_or_raise(key_of(item)), []).append(item)
        return [(self.node(address), group) for address, group in groups.items()]

    async def each_primary(self) -> Sequence[Redis]:
        await self._know()
        return [self.node(address) for address in self._table.primaries()]

    async def refresh(self) -> None:
        """Read the table anew; calls at the same time share one reading.

        Raises an error of redis-py where no node tells it.
        """
        await self._reading.run("", self._read_table)

    # --- commands -----------------------------------------------------------------------------

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Execute the command at the primary of its key."""
        await self._know()
        if args[0] == "SCRIPT LOAD":
            return await self._load_script(*args, **options)
        key = _key_in(args)
        owner = self._owner_or_raise(key)
        try:
            return await _execute(self.node(owner), args, options)
        except MovedError:  # the connection has noted it
            return await _execute(self.node(self._owner_or_raise(key)), args, options)
        except AskError as error:
            asked = self.node(Address(error.host or owner.host, error.port))
            return await _ask(asked, args, options)

    async def _load_script(self, *args: Any, **options: Any) -> Any:
        """Load the script at each primary. A node that is away is given it when it is back."""
        calls = (_execute(node, args, options) for node in await self.each_primary())
        replies = await asyncio.gather(*calls, return_exceptions=True)
        loaded = [reply for reply in replies if not isinstance(reply, BaseException)]
        if not loaded:
            raise replies[0]
        return loaded[0]

    def pipeline(self, transaction: bool = False, shard_hint: str | None = None) -> Pipeline:
        """Return a pipeline that sends to each node its commands. It has no transactions."""
        assert not transaction
        del shard_hint
        return _ClusterPipeline(self)

    async def execute_many(self, commands: Sequence[tuple[Any, Any]]) -> list[Any]:
        """Execute each (arguments, options), all nodes at the same time; return replies and errors."""
        numbers = await self.by_node(
            range(len(commands)), lambda number: _key_in(commands[number][0])
        )
        calls = (_execute_at(node, [commands[n] for n in some]) for node, some in numbers)
        done = await asyncio.gather(*calls, return_exceptions=True)
        replies: list[Any] = [None] * len(commands)
        for (_, some), found in zip(numbers, done, strict=True):
            if isinstance(found, BaseException):
                raise found
            for number, reply in zip(some, found, strict=True):
                replies[number] = reply
        for number, reply in enumerate(replies):
            if isinstance(reply, AskError):  # MOVED is one as well
                replies[number] = await self._once_more(*commands[number])
        return replies

    async def _once_more(self, args: Any, options: Any) -> Any:
        try:
            return await self.execute_command(*args, **options)
        except ResponseError as error:
            return error

    def client(self) -> Redis:
        raise NotImplementedError("a cluster has no single connection: at(key).client()")

    # --- the table ----------------------------------------------------------------------------

    def owner(self, key: str | bytes) -> Address | None:
        """Return the address of the key's primary, as far as is known."""
        return self._table.owner(slot_of(key))

    def primaries(self) -> list[Address]:
        """Return the addresses of all primaries that are known."""
        return self._table.primaries()

    def node(self, address: Address) -> Nodes:
        """Return the client of one node."""
        found = self._nodes.get(address)
        if found is None:
            found = self._nodes[address] = Nodes.owning(self._pool_of(address, self._mixins))
        return found

    def call_when_read(self, on_read: Callable[[], None]) -> None:
        """Call `on_read()` whenever the table was read anew, or changed; it must not raise or wait."""
        self._on_reads.append(on_read)

    def note_moved(self, slot: int, owner: Address) -> None:
        """Note what MOVED said. Where one slot has moved, others may have."""
        if self._table is not EMPTY:
            self._table.move(slot, owner)
            self._tell()
        self.doubt()

    def doubt(self) -> None:
        """Read the table anew in the background, once for all who doubt it at the same time."""
        self._is_doubtful = True
        if self._doubts is None and not self._is_closed:
            self._doubts = asyncio.get_running_loop().create_task(self._dispel_doubts())

    async def _dispel_doubts(self) -> None:
        try:
            while self._is_doubtful:
                self._is_doubtful = False
                with suppress(RedisError, OSError, TimeoutError):
                    await self.refresh()
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            self._doubts = None

    async def _know(self) -> None:
        if self._table is EMPTY:
            await self.refresh()

    def _owner_or_raise(self, key: str | bytes) -> Address:
        owner = self.owner(key)
        if owner is None:
            self.doubt()
            raise ClusterDownError("no node has the slot of this key")
        return owner

    async def _read_table(self) -> None:
        failure: Exception = RedisConnectionError("no node of the cluster answers")
        known = self._table.primaries()
        random.shuffle(known)
        for address in dict.fromkeys([*known, *self._seeds]):
            try:
                table = await self._ask_for_table(address)
            except (RedisError, OSError, TimeoutError) as error:
                failure = error
                continue
            if table.primaries():  # a node that was forgotten by the others knows none
                self._table = table
                await self._disconnect_others()
                self._tell()
                return
            failure = ClusterDownError("no node of the cluster has keys")
        raise failure

    async def _ask_for_table(self, address: Address) -> SlotTable:
        """Ask on a connection of its own: those of the pool may wait for a frozen node."""
        asked = Nodes.owning(self._pool_of(address, ()))
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                rows = await _execute(asked, ["CLUSTER SLOTS"], {})
            return SlotTable.read(rows, address.host)
        finally:
            await asked.connection_pool.disconnect()

    async def _disconnect_others(self) -> None:
        here = set(self._table.primaries())
        for address, node in self._nodes.items():
            if address not in here:
                await node.connection_pool.disconnect(inuse_connections=False)

    def _tell(self) -> None:
        for on_read in self._on_reads:
            on_read()

    def _pool_of(self, address: Address, mixins: tuple[type, ...]) -> ConnectionPool:
        return self._make_pool(self._address.url_of(*address), mixins)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close the connections of all nodes."""
        self._is_closed = True
        if self._doubts is not None:
            self._doubts.cancel()
            await asyncio.wait([self._doubts])
        for node in self._nodes.values():
            await node.aclose()
        await super().aclose(close_connection_pool)


class _ClusterPipeline(Pipeline):
    """Collects commands as redis-py's pipeline does, and lets the cluster execute them."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster.connection_pool, cluster.response_callbacks, False, None)
        self._cluster = cluster

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        commands = self.command_stack
        self.command_stack = []
        if not commands:
            return []
        replies = await self._cluster.execute_many(commands)
        if raise_on_error:
            self.raise_first_error(commands, replies)
        return replies


async def _execute_at(node: Redis, commands: list[tuple[Any, Any]]) -> list[Any]:
    async with node.pipeline(transaction=False) as pipe:
        pipe.command_stack = commands
        return await pipe.execute(raise_on_error=False)


async def _execute(node: Any, args: Sequence[Any], options: Any) -> Any:
    return await node.execute_command(*args, **options)


async def _ask(node: Redis, args: Sequence[Any], options: Any) -> Any:
    """Execute the command at a node that is taking over the slot. ASKING counts for the next command of the
    same connection only.
    """
    one = await node.client().initialize()
    try:
        await _execute(one, ["ASKING"], {})
        return await _execute(one, args, options)
    finally:
        await one.aclose(close_connection_pool=False)


def _key_in(args: Sequence[Any]) -> str | bytes:
    """Return the first key of a command; all its keys are in one slot."""
    name = args[0]
    if name in _OF_SERVERS:
        raise ValueError(f"{name} concerns a server: ask each primary")
    if name in ("EVALSHA", "EVAL"):
        key = args[3] if int(args[2]) else None
    elif name in ("XREADGROUP", "XREAD"):
        key = args[args.index(b"STREAMS") + 1]
    else:
        key = args[1]
    if not isinstance(key, str | bytes):
        raise TypeError(f"{name} without a key: ask each primary")
    return key
