"""Counts the replicas that follow a server. Called before `web` starts, and for its readiness."""

from redis.asyncio import Redis

from server.desk.redis.nodes import Nodes

_SILENT_AFTER_S = 3  # a healthy replica reports every second


async def replicas_following(redis: Nodes) -> int:
    """Return how many replicas are online and have reported lately, in a cluster of the primary with the
    fewest. Errors of redis-py and of the network are passed on.
    """
    return min([await _following(primary) for primary in await redis.each_primary()])


async def _following(primary: Redis) -> int:
    info = await primary.info("replication")
    found = [replica for name, replica in info.items() if _is_replica(name, replica)]
    return sum(r["state"] == "online" and r["lag"] <= _SILENT_AFTER_S for r in found)


def _is_replica(name: str, value: object) -> bool:
    return name.startswith("slave") and isinstance(value, dict)
