"""The desk and the feed: the only package that talks to Redis. Used by flows, gateway, api and worker.

`drops/` has what is done to a drop, `claims/` who is first, `shards/` how a shard is kept and rebuilt,
`feed/` what rooms are told. `keys.py` names all keys; `scripts/` has the Lua, `redis/` the connections.

Every call raises DeskUnavailableError when Redis cannot be trusted to have done what was asked. Every call
may be repeated: the Lua scripts are idempotent.
"""


class DeskUnavailableError(Exception):
    """Redis is away, did not answer in time, or the fence of the shard is shut until a rebuild.

    The operation may or may not have happened. Repeat it.
    """


class DeskReplacedError(DeskUnavailableError):
    """The desk was loaded anew since the call was made, so its result is lost. Repeat the operation."""
