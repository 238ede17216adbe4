"""Counts the replicas that follow the server. Called before `web` starts, and for its readiness."""

from redis.asyncio import Redis

_SILENT_AFTER_S = 3  # a healthy replica reports every second


async def replicas_following(redis: Redis) -> int:
    """Return how many replicas are online and have reported lately. Errors of redis-py and of the network are
    passed on.
    """
    info = await redis.info("replication")
    found = [replica for name, replica in info.items() if _is_replica(name, replica)]
    return sum(r["state"] == "online" and r["lag"] <= _SILENT_AFTER_S for r in found)


def _is_replica(name: str, value: object) -> bool:
    return name.startswith("slave") and isinstance(value, dict)
