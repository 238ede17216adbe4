"""The one place in the tests that waits by time: for what tells nobody when it is done."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

_FIRST_PAUSE_S = 0.002
_LONGEST_PAUSE_S = 0.05


@overload
async def eventually(check: Callable[[], Awaitable[T]], deadline_s: float = 20) -> T: ...
@overload
async def eventually(check: Callable[[], T], deadline_s: float = 20) -> T: ...
async def eventually(check: Callable[[], T | Awaitable[T]], deadline_s: float = 20) -> T:
    """Asks again and again until the answer is true, and returns it.

    A failing `assert` inside `check` counts as "not yet"; the last one is raised at the deadline,
    or a plain `AssertionError` where the answer just stayed false. Other exceptions pass at once.
    """
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + deadline_s
    pause = _FIRST_PAUSE_S
    while True:
        failure: AssertionError | None = None
        try:
            answer = await _ask(check, give_up_at - loop.time())
            if answer:
                return answer
        except AssertionError as error:
            failure = error
        if loop.time() >= give_up_at:
            raise failure or AssertionError(f"not true within {deadline_s} s: {check}")
        await asyncio.sleep(min(pause, max(0.0, give_up_at - loop.time())))
        pause = min(pause * 2, _LONGEST_PAUSE_S)


async def _ask(check: Callable[[], T | Awaitable[T]], seconds_left: float) -> T:
    answer = check()
    if not inspect.isawaitable(answer):
        return answer
    try:
        # At least a moment, so that a last look at the deadline is a fair one.
        async with asyncio.timeout(max(seconds_left, 0.1)):
            return await answer
    except TimeoutError:
        raise AssertionError(f"no answer before the deadline: {check}") from None
