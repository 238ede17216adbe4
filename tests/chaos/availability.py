"""Polls whether the webs and the desk are up, past the disturbed network, and writes changes into the
history.

A slow answer can then be compared with what was down meanwhile. `bench.py` runs it beside everything else.
"""

import asyncio

import httpx

from server.desk import DeskUnavailableError
from server.desk.shards.fence import Fence
from tests.chaos.history import DESK, AvailabilityChanged, History, now_ms
from tests.chaos.pauses import pause
from tests.chaos.site import PREFIX, WEBS, Site

_PAUSE_S = 0.2
_ANSWER_S = 0.5


async def watch_availability(site: Site, history: History) -> None:
    """Poll until the task is cancelled."""
    fence, was_up = Fence(site.redis, PREFIX, "chaos"), dict.fromkeys((*WEBS, DESK), True)
    async with httpx.AsyncClient(timeout=_ANSWER_S, trust_env=False) as client:
        while True:
            found = await asyncio.gather(
                *(_is_up(client, f"{site.members[web].program.url}/livez") for web in WEBS),
                _is_open(fence),
            )
            for part, is_up in zip(was_up, found, strict=True):
                if was_up[part] != is_up:
                    was_up[part] = is_up
                    history.note(AvailabilityChanged(now_ms(), part, is_up))
            await pause(_PAUSE_S)


async def _is_up(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


async def _is_open(fence: Fence) -> bool:
    try:
        async with asyncio.timeout(_ANSWER_S):
            return not await fence.shut_shards()
    except (DeskUnavailableError, TimeoutError):
        return False
