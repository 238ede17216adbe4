"""What a gateway's one pub/sub connection makes of what it hears."""

from redis.asyncio import Redis

from server.desk.subscription import Subscription

HEARTBEAT = b"p:heartbeat:gwy_1"


def test_every_room_may_have_a_gap_whenever_the_subscription_is_taken_anew() -> None:
    """redis-py connects and subscribes by itself where it finds its connection gone."""
    gaps: list[str] = []
    nowhere = Redis(unix_socket_path="/nonexistent/redis.sock")
    ear = Subscription(nowhere, "p", "gwy_1", lambda _room, _said: None, lambda: gaps.append("gap"))
    ear._take("smessage", HEARTBEAT, b"")
    assert gaps == []
    ear._take("ssubscribe", HEARTBEAT, b"")
    ear._take("ssubscribe", HEARTBEAT, b"")
    assert gaps == ["gap", "gap"]
