"""Tells Classdrop where the video of a class is, so that prepared drops open at their second of it.

Called by a player, or by a program that runs beside one. Needs a token of the room's teacher. Twin of
`javascript/player_position.js`.
"""

import time
from collections.abc import Callable

from client_sdk.python.api import Api
from client_sdk.python.transport import ApiError

# Between two calls. A cue opens within this time, and a quarter of a second more.
_EVERY_MS = 2_000
# The server takes no later second.
_LAST_SECOND = 86_400


class PlayerPosition:
    """The sender of one player. It sends at most once in `every_ms`, and only while the video plays.

    `now_ms`: local ms that never go back. `error`: why the last call failed; None after one that did not.
    """

    def __init__(
        self,
        api: Api,
        room: str,
        *,
        every_ms: float = _EVERY_MS,
        now_ms: Callable[[], float] = lambda: time.monotonic() * 1000,
    ) -> None:
        self._api = api
        self._room = room
        self._every_ms = every_ms
        self._now_ms = now_ms
        self._next_at = float("-inf")
        self._is_sending = False
        self.error: ApiError | None = None

    async def update(self, seconds: float, is_playing: bool) -> bool:
        """Note where the player is, in seconds from the beginning of the video; return whether this position
        was told.

        Call it as often as the player says so. A call that fails is not repeated: the next position takes its
        place.
        """
        is_due = is_playing and not self._is_sending and self._now_ms() >= self._next_at
        if not is_due or not 0 <= seconds <= _LAST_SECOND:
            return False
        self._is_sending = True
        self._next_at = self._now_ms() + self._every_ms
        try:
            await self._api.tell_position(self._room, int(seconds))
            self.error = None
        except ApiError as error:
            self.error = error
            wait = max(self._every_ms, error.retry_after_ms or 0)
            self._next_at = self._now_ms() + wait
        finally:
            self._is_sending = False
        return self.error is None
