"""Clients for each of the processes behind one port.

The kernel distributes the connections, so a test that needs "the other process" must find out which process
serves a connection. This module reads that from Linux's own tables: the service does not tell it.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx

from tests.support.clients.crowd import http_client, port_of
from tests.support.eventually import eventually
from tests.support.servers.stack import READY_SECONDS, Program

_ATTEMPTS = 64  # one of two processes is missed by all of them once in 2**63
_ESTABLISHED = "01"


async def until_all_serve(program: Program, processes: int) -> None:
    """Wait until `processes` processes accept connections and each reports that it is ready."""

    async def all_ready() -> bool:
        assert program.process.poll() is None, program.errors
        try:
            async with client_for_each_process(program, processes) as clients:
                for client in clients:
                    ready = await client.get("/readyz")
                    assert ready.status_code == 200, ready.text
        except httpx.TransportError as error:
            raise AssertionError("nobody takes connections") from error
        return True

    await eventually(all_ready, READY_SECONDS)


@asynccontextmanager
async def client_for_each_process(
    program: Program, processes: int
) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Yield a client for each process, with one connection to it. Use it at once: the server closes an idle
    connection, and the next one may reach another process."""
    clients: dict[int, httpx.AsyncClient] = {}
    async with AsyncExitStack() as stack:
        for _ in range(_ATTEMPTS):
            client = await stack.enter_async_context(http_client(program.url, connections=1))
            port = port_of(await client.get("/livez"))
            for server in servers_of(program, {port}):
                clients[server] = client
            if len(clients) == processes:
                break
        assert len(clients) == processes, f"of {processes} only {sorted(clients)} answered"
        yield list(clients.values())


def servers_of(program: Program, ports: set[int]) -> set[int]:
    """Return the ids of the processes that serve connections from these ports. One may be missing: the
    kernel's table is read in pieces and changes meanwhile."""
    inodes = {
        inode
        for local, remote, state, inode in _connections()
        if local == program.port and remote in ports and state == _ESTABLISHED
    }
    return {pid for pid in program.family() if not inodes.isdisjoint(_inodes_of(pid))}


def _connections() -> Iterator[tuple[int, int, str, str]]:
    """Yield local port, remote port, state and inode of each connection."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        columns = line.split()
        local, remote = (int(address.partition(":")[2], 16) for address in columns[1:3])
        yield local, remote, columns[3], columns[9]


def _inodes_of(pid: int) -> Iterator[str]:
    descriptors = Path(f"/proc/{pid}/fd")
    with suppress(OSError):  # it ended while we looked
        for name in os.listdir(descriptors):
            with suppress(OSError):  # closed while we looked
                target = os.readlink(descriptors / name)
                yield target.removeprefix("socket:[").removesuffix("]")
