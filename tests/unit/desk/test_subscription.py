"""A gateway's pub/sub connection: what it tells its listener."""

from redis.asyncio import Redis

from server.desk.feed.subscription import ServerSubscription

HEARTBEAT = b"p:heartbeat:gwy_1"


class CountingListener:
    def __init__(self) -> None:
        self.reconnects = 0

    def on_message(self, _room: str, _payload: bytes) -> None:
        raise AssertionError("no room is subscribed")

    def on_reconnect(self) -> None:
        self.reconnects += 1


def test_every_room_may_have_a_gap_whenever_the_subscription_is_confirmed_anew() -> None:
    """redis-py connects and subscribes by itself where it finds its connection gone."""
    listener = CountingListener()
    unreachable = Redis(unix_socket_path="/nonexistent/redis.sock")
    subscription = ServerSubscription(unreachable, "p", "gwy_1")
    subscription._take(listener, "smessage", HEARTBEAT, b"")
    assert listener.reconnects == 0
    subscription._take(listener, "ssubscribe", HEARTBEAT, b"")
    subscription._take(listener, "ssubscribe", HEARTBEAT, b"")
    assert listener.reconnects == 2
