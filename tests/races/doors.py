"""Which process of a program is at the other end of a connection.

Several web processes share one port, and the kernel deals connections out; a test that says "on
the other process" has to know where it is. Reads Linux's own tables.
"""

import os
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

from tests.support.crowd import http_client, port_of
from tests.support.eventually import eventually
from tests.support.stack import Program

_ESTABLISHED, _LISTENING = "01", "0A"
_KNOCKS = 64  # one of two processes is missed by all of them once in 2**63


async def until_all_serve(program: Program, processes: int) -> set[int]:
    """Until so many processes take connections, and the program says that it is ready."""
    await eventually(lambda: len(_listeners(program)) == processes, deadline_s=15)
    await program.until_ready()
    return _listeners(program)


def servers_of(program: Program) -> dict[int, int]:
    """Port of the client -> id of the process that serves it, of all connections there are now."""
    return {
        remote: pid
        for remote, state, pid in _sockets(program.family(), program.port)
        if state == _ESTABLISHED
    }


@asynccontextmanager
async def a_door_to_each(program: Program) -> AsyncIterator[dict[int, httpx.AsyncClient]]:
    """For each process a client with one connection to it. To be used at once: an idle connection
    is closed, and its successor may go elsewhere (`serves` tells)."""
    wanted = _listeners(program)
    doors: dict[int, httpx.AsyncClient] = {}
    async with AsyncExitStack() as stack:
        for _ in range(_KNOCKS):
            if doors.keys() == wanted:
                break
            client = await stack.enter_async_context(http_client(program.url, connections=1))
            doors[await server_of(program, client)] = client
        assert doors.keys() == wanted, f"reached {set(doors)} of {wanted}"
        yield doors


async def server_of(program: Program, client: httpx.AsyncClient) -> int:
    return servers_of(program)[port_of(await client.get("/livez"))]


def _listeners(program: Program) -> set[int]:
    found = _sockets(program.family(), program.port)
    return {pid for _, state, pid in found if state == _LISTENING}


def _sockets(pids: Iterable[int], port: int) -> list[tuple[int, str, int]]:
    """(remote port, state, process) of the sockets these processes have at this local port."""
    owners = {inode: pid for pid in pids for inode in _inodes_of(pid)}
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        columns = line.split()
        local, remote, state, inode = columns[1], columns[2], columns[3], columns[9]
        if int(local.split(":")[1], 16) == port and inode in owners:
            found.append((int(remote.split(":")[1], 16), state, owners[inode]))
    return found


def _inodes_of(pid: int) -> set[str]:
    found = set()
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            try:
                target = os.readlink(entry.path)
            except OSError:
                continue  # closed while we looked
            if target.startswith("socket:["):
                found.add(target[8:-1])
    except OSError:
        pass  # it ended while we looked
    return found
