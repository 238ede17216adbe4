"""How many replicas follow the server that answers now. Asked before `web` starts, and for its readiness."""

from redis.asyncio import Redis

_SILENT_AFTER_S = 3  # a replica at its post is heard of every second


async def replicas_following(redis: Redis) -> int:
    """Those that have caught up once and were heard of lately. redis-py's and the network's errors
    pass."""
    info = await redis.info("replication")
    found = [replica for name, replica in info.items() if _is_replica(name, replica)]
    return sum(r["state"] == "online" and r["lag"] <= _SILENT_AFTER_S for r in found)


def _is_replica(name: str, value: object) -> bool:
    return name.startswith("slave") and isinstance(value, dict)
