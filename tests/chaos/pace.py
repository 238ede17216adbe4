"""The bench's own clock: the only place in it that waits by time. Faults last, people hesitate."""

import asyncio


async def pause(seconds: float, over: asyncio.Event | None = None) -> bool:
    """Waits, but no longer than until `over`; whether it is."""
    if over is None:
        await asyncio.sleep(seconds)
        return False
    try:
        async with asyncio.timeout(seconds):
            await over.wait()
    except TimeoutError:
        return False
    return True
