"""Loads the Lua files of this folder and runs them by EVALSHA. Used by the classes of desk/ only.

EVALSHA and not Redis functions: two versions of the service can run side by side in a deploy, and managed
servers allow it. A server that has lost a script (restart, flush) is given it again; that is safe because
every script is idempotent. Each script is sent with the preludes that it needs.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from server.desk import DeskUnavailableError
from server.desk.redis.connection import redis_deadline

SHUT = -1  # as in fence.lua

_DESK = ("server", "fence")
_CAPS = (*_DESK, "caps")
_WINS = (*_DESK, "wins")
_ROOM = ("server", "epoch")
_PRELUDES: dict[str, tuple[str, ...]] = {
    "claim": _WINS,
    "enter": _WINS,
    "read_entries": _DESK,
    "drop_entries": _DESK,
    "seat": (*_CAPS, "wins"),
    "open": (*_CAPS, "window"),
    "reopen": (*_CAPS, "window", "tasks"),
    "add_units": _DESK,
    "extend": _CAPS,
    "move_window": (*_CAPS, "tasks"),
    "move_limit": _DESK,
    "close": _DESK,
    "confirm": _DESK,
    "release": _DESK,
    "give_up": _DESK,
    "take_slot": _CAPS,
    "give_slot_back": (*_DESK, "slots"),
    "take_slots": _CAPS,
    "give_slots_back": (*_DESK, "slots"),
    "free_slots": (*_DESK, "slots"),
    "run_id": ("server",),
    "lease": _DESK,
    "arm": ("server",),
    "add_used": _CAPS,
    "move_holder": _DESK,
    "move_entry": _DESK,
    "move_task": (*_DESK, "tasks"),
    "load_drop": (),
    "load_entrants": (),
    "load_caps": ("caps",),
    "fill_caps": _CAPS,
    "publish_stops": (),
    "forget_consumers": (),
    "publish": _ROOM,
    "publish_losses": _ROOM,
    "publish_confirmations": _ROOM,
    "room_state": _ROOM,
    "presence": ("server",),
    "roster": ("server",),
    "takes_writes": (),
    "rename_student": (),
    "replace_value": (),
    "watch": (*_DESK, "tasks"),
    "answer": (*_DESK, "tasks"),
    "pass_task": (*_DESK, "tasks"),
}


class Scripts:
    """Runs the scripts of this folder on one Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._scripts = dict[str, AsyncScript]()  # those that were run

    async def run(
        self,
        name: str,
        keys: Sequence[str],
        args: Sequence[str | int | bytes],
        on: Redis | None = None,
    ) -> Any:
        """Run the script and return its reply; `on` names a connection if that matters.

        Raises DeskUnavailableError if Redis is away or the fence of the shard is shut.
        """
        async with redis_deadline():
            reply = await self._script(name)(keys=keys, args=args, client=on)
        if reply == SHUT:
            raise DeskUnavailableError("the desk is being rebuilt")
        return reply

    def _script(self, name: str) -> AsyncScript:
        found = self._scripts.get(name)
        if found is None:
            found = self._scripts[name] = self._redis.register_script(_source(name))
        return found


# One process makes many desks (each test one of its own), and reading all scripts takes 3 ms.
@cache
def _source(name: str) -> str:
    folder = files("server.desk.scripts")
    parts = (*_PRELUDES[name], name)
    return "\n".join((folder / f"{part}.lua").read_text("utf-8") for part in parts)
