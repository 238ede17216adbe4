"""A Redis Cluster of the tests' own: three primaries with a replica each, all on loopback.

`redis_cluster` is one per session, shared. A test that kills a node or moves a slot calls `heal` when it is
done; who is a primary may then have changed.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from server.desk.redis.slot_table import slot_of
from tests.support.servers.redis_server import RedisServer
from tests.support.servers.stack import free_port

PRIMARIES: Final = 3
_SLOTS: Final = 16_384
_LOOK_SECONDS: Final = 0.05
_LOOKS: Final = 1_200  # a minute


class ClusterNode(RedisServer):
    """A server that may be a primary or a replica of the cluster."""

    def __init__(self, directory: Path) -> None:
        self._bus_port = free_port()
        super().__init__(directory, port=free_port(), in_cluster=True)

    def _options(self) -> list[str]:
        return [
            *super()._options(),
            *("--cluster-port", str(self._bus_port)),
            *("--cluster-node-timeout", "1000"),
            *("--cluster-replica-validity-factor", "0"),
        ]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ask(self, *command: str | int) -> Any:
        """Return the reply as it is."""
        with redis.Redis(unix_socket_path=self.path) as client:
            client.response_callbacks.clear()
            return client.execute_command(*command)

    def meet(self, other: "ClusterNode") -> None:
        self.ask("CLUSTER", "MEET", "127.0.0.1", other.port, other._bus_port)

    @property
    def id(self) -> str:
        return str(self.ask("CLUSTER", "MYID").decode())

    @property
    def is_primary(self) -> bool:
        return bool(self.ask("ROLE")[0] == b"master")

    def info(self) -> dict[str, str]:
        lines = self.ask("CLUSTER", "INFO").decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)


class RedisCluster:
    """Running and complete once constructed."""

    def __init__(self, directory: Path) -> None:
        self.nodes = [ClusterNode(directory / str(number)) for number in range(2 * PRIMARIES)]
        first, *others = self.nodes
        for number, primary in enumerate(self.nodes[:PRIMARIES]):
            begin, end = (_SLOTS * n // PRIMARIES for n in (number, number + 1))
            primary.ask("CLUSTER", "ADDSLOTSRANGE", begin, end - 1)
        for number, node in enumerate(self.nodes, 1):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number)
        for other in others:
            first.meet(other)
        self._wait(lambda: all(n.info()["cluster_known_nodes"] == "6" for n in self.nodes))
        for primary, replica in zip(self.nodes[:PRIMARIES], self.nodes[PRIMARIES:], strict=True):
            replica.ask("CLUSTER", "REPLICATE", primary.id)
        self.wait_until_whole()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for node in self.nodes:
            node.stop()

    @property
    def url(self) -> str:
        """The URL that names two of the nodes."""
        first, *_, last = self.nodes
        return f"redis+cluster://{first.address},{last.address}"

    def primaries(self) -> list[ClusterNode]:
        return [node for node in self.nodes if not node.is_dead and node.is_primary]

    def primary_of(self, key: str) -> ClusterNode:
        """Return the node that has the key now."""
        for node in self.primaries():
            if slot_of(key) in _slots_of(node):
                return node
        raise LookupError(f"no node has {key}")

    def replica_of(self, primary: ClusterNode) -> ClusterNode:
        """Return the replica that follows the primary."""
        found = (n for n in self.nodes if not n.is_dead and not n.is_primary)
        return next(n for n in found if n.ask("ROLE")[2] == primary.port)

    def move_slot(self, key: str, pause: Callable[[], None] = lambda: None) -> ClusterNode:
        """Move the slot of the key to another primary, with all of its keys, and return that primary.
        `pause` is called when half of the keys are there.
        """
        slot, source = slot_of(key), self.primary_of(key)
        target = next(node for node in self.primaries() if node is not source)
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
        names = source.ask("CLUSTER", "GETKEYSINSLOT", slot, 10_000)
        for number, name in enumerate(names):
            if number == len(names) // 2:
                pause()
            source.ask("MIGRATE", "127.0.0.1", target.port, name, 0, 5_000)
        while names := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 100):
            for name in names:
                source.ask("MIGRATE", "127.0.0.1", target.port, name, 0, 5_000)
        for node in (target, source, *self.primaries()):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", target.id)
        return target

    def heal(self) -> None:
        """Start the nodes that are dead, and wait until every primary has a replica that follows."""
        for node in self.nodes:
            node.thaw() if not node.is_dead else node.restart()
        self.wait_until_whole()

    def wait_until_whole(self) -> None:
        self._wait(self._is_whole)

    def _is_whole(self) -> bool:
        if any(n.info()["cluster_state"] != "ok" for n in self.nodes):
            return False
        followed = [n.ask("ROLE")[2] for n in self.nodes if n.is_primary]
        agree = {_view(node) for node in self.nodes}
        return len(followed) == PRIMARIES and all(followed) and len(agree) == 1

    def _wait(self, is_so: Callable[[], bool]) -> None:
        def look() -> None:
            if not is_so():
                raise redis.exceptions.ConnectionError("not yet")

        Retry(ConstantBackoff(_LOOK_SECONDS), _LOOKS).call_with_retry(look, lambda _: None)


def _slots_of(node: ClusterNode) -> set[int]:
    mine = {
        slot
        for first, last, (_, port, *_), *_ in node.ask("CLUSTER", "SLOTS")
        if port == node.port
        for slot in range(first, last + 1)
    }
    return mine


def _view(node: ClusterNode) -> frozenset[tuple[int, int, int]]:
    """Return who has which slots, as the node sees it."""
    try:
        rows = node.ask("CLUSTER", "SLOTS")
    except RedisError:
        return frozenset()
    return frozenset((first, last, primary[1]) for first, last, primary, *_ in rows)


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisCluster]:
    with (
        tempfile.TemporaryDirectory(prefix="cdr-cluster-") as directory,
        RedisCluster(Path(directory)) as cluster,
    ):
        yield cluster
