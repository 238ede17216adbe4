"""Share one running piece of work between all who ask for the same at the same time.

Used where many requests need one answer of Redis or the ledger. A lock would make strangers wait for each
other's network; here only those who ask for the same key wait, and they wait for one answer. A leaf:
imports nothing of ours.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """No task of its own: the first who asks does the work, the others wait for its result. Where the
    first one is cancelled, another one does it again: the deadline of one request is not that of all."""

    def __init__(self) -> None:
        self._flights: dict[K, asyncio.Future[V]] = {}

    async def share(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
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
            flight.exception()  # marks it as seen, for perhaps nobody waits
            raise
        else:
            flight.set_result(value)
            return value
        finally:
            del self._flights[key]
