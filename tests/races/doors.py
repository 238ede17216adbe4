"""The processes of one program behind its one port: which of them is at the other end.

The kernel deals connections out, so a test that says "on the other process" has to know where it is.
Reads Linux's own tables: the service has no reason to tell.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx

from tests.support.clients.crowd import http_client, port_of
from tests.support.eventually import eventually
from tests.support.servers.stack import Program

_START_SECONDS = 30.0  # of several processes at once, on two busy cores
_KNOCKS = 64  # one of two processes is missed by all of them once in 2**63
_ESTABLISHED = "01"


async def until_all_serve(program: Program, processes: int) -> None:
    """Wait until `processes` processes accept connections and each reports that it is ready."""

    async def all_ready() -> bool:
        assert program.process.poll() is None, program.errors
        try:
            async with a_door_to_each(program, processes) as doors:
                for door in doors:
                    ready = await door.get("/readyz")
                    assert ready.status_code == 200, ready.text
        except httpx.TransportError as error:
            raise AssertionError("nobody takes connections") from error
        return True

    await eventually(all_ready, _START_SECONDS)


@asynccontextmanager
async def a_door_to_each(
    program: Program, processes: int
) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Yield a client for each process, with one connection to it. Use it at once: the server closes an idle
    connection, and the next one may reach another process."""
    doors: dict[int, httpx.AsyncClient] = {}
    async with AsyncExitStack() as stack:
        for _ in range(_KNOCKS):
            client = await stack.enter_async_context(http_client(program.url, connections=1))
            port = port_of(await client.get("/livez"))
            for server in servers_of(program, {port}):
                doors[server] = client
            if len(doors) == processes:
                break
        assert len(doors) == processes, f"of {processes} only {sorted(doors)} answered"
        yield list(doors.values())


def servers_of(program: Program, ports: set[int]) -> set[int]:
    """Ids of the processes that serve connections from these ports. One may be missing: the kernel's
    table is read in pieces, and moves meanwhile."""
    inodes = {
        inode
        for local, remote, state, inode in _connections()
        if local == program.port and remote in ports and state == _ESTABLISHED
    }
    return {pid for pid in program.family() if not inodes.isdisjoint(_inodes_of(pid))}


def _connections() -> Iterator[tuple[int, int, str, str]]:
    """Local port, remote port, state, inode."""
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
