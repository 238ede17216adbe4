"""The only place of the bench that waits by time: faults last, and people hesitate."""

import asyncio


async def pause(seconds: float, over: asyncio.Event | None = None) -> bool:
    """Wait for `seconds`, or until `over` is set. Return whether it was set."""
    if over is None:
        await asyncio.sleep(seconds)
        return False
    try:
        async with asyncio.timeout(seconds):
            await over.wait()
    except TimeoutError:
        return False
    return True
