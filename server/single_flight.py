"""Share one running piece of work between all who ask for the same at the same time.

Used where many requests need the same answer of Redis or the ledger. With a lock, requests for different keys
would wait for each other; here only requests for the same key wait, and for one answer. A leaf: imports
nothing of ours.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Starts no task: the first caller does the work, the others wait for its result. When the first one is
    cancelled, another one does it again, because the deadline of one request is not that of all."""

    def __init__(self) -> None:
        self._flights: dict[K, asyncio.Future[V]] = {}

    async def run(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
        """Return what `work` returns, or raise what it raises."""
        while (flight := self._flights.get(key)) is not None:
            # Unlike `await flight`, this does not cancel the future when the waiter is cancelled.
            await asyncio.wait([flight])
            if not flight.cancelled():
                return flight.result()
        return await self._lead(key, work)

    async def _lead(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
        flight = self._flights[key] = asyncio.get_running_loop().create_future()
        try:
            value = await work()
        except asyncio.CancelledError:
            flight.cancel()
            raise
        except Exception as error:
            flight.set_exception(error)
            flight.exception()  # mark it as retrieved: perhaps nobody waits for it
            raise
        else:
            flight.set_result(value)
            return value
        finally:
            del self._flights[key]
