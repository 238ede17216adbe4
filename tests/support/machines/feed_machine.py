"""The machine that asks a room's feed and a model of it the same, and replays what was told.

A server that is another one is made by writing another run id into the feed; a gateway that has gone
silent by taking its word back. Kept apart from `desk_machine.py`: they share no key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from server.core.drops.drops import SHOWN_AFTER_CLOSE_MS, CloseReason, RoomDrop
from server.desk.feed import room_drops
from server.desk.feed.feed import RoomState
from server.desk.feed.feed_messages import FeedKind
from server.desk.keys import RoomKeys
from tests.support.builders.classroom import now_ms
from tests.support.builders.desks import Desk, a_room_drop, make_desk
from tests.support.machines.runner import Stage

ROOM = "r1"
ANOTHER_SERVER = "0" * 40

a_drop_id = st.sampled_from(["drp_1", "drp_2", "drp_3"])
a_publication_id = st.sampled_from([f"int_{number}" for number in range(12)])


@dataclass(frozen=True, slots=True)
class Told:
    kind: FeedKind
    offset: int
    drop: RoomDrop


@dataclass(slots=True)
class ModelFeed:
    """A room shows drops. Whatever is told changes what it shows, and gets the next **offset** of this
    **epoch**; on another server a new epoch begins at 0, and the drops stay. The same publication is
    told once. A drop ends once: behind its end nothing is told of it but another end."""

    offset: int = 0
    shown: dict[str, RoomDrop] = field(default_factory=dict)
    stream: list[Told] = field(default_factory=list)
    told_at: dict[str, int] = field(default_factory=dict)  # publication id -> offset
    is_another_server: bool = True

    def position(self) -> None:
        if self.is_another_server:
            self.offset, self.stream = 0, []
            self.is_another_server = False

    def publish(
        self, publication_id: str, kind: FeedKind, drop: RoomDrop, only_where_open: bool = False
    ) -> int:
        if publication_id in self.told_at:
            return self.told_at[publication_id]
        self.position()
        shown = self.shown.get(drop.id)
        is_over = shown is not None and shown.closed_at is not None
        if is_over and (kind is not FeedKind.CLOSED or only_where_open):
            return self.offset
        if only_where_open and shown is None:
            return self.offset
        self.offset += 1
        self.shown[drop.id] = drop
        self.stream.append(Told(kind, self.offset, drop))
        self.told_at[publication_id] = self.offset
        return self.offset

    def state(self, now: int) -> dict[str, RoomDrop]:
        """Forget the drops that were closed long ago, as the feed does."""
        self.position()
        self.shown = {name: drop for name, drop in self.shown.items() if not _left(drop, now)}
        return self.shown


def _left(drop: RoomDrop, now: int) -> bool:
    return drop.closed_at is not None and drop.closed_at + SHOWN_AFTER_CLOSE_MS < now


class FeedMachine(RuleBasedStateMachine):
    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.model = ModelFeed()
        self.desk: Desk = make_desk(stage.redis, stage.new_prefix())
        self.feed = self.desk.feed
        self.keys = RoomKeys(self.desk.prefix, ROOM)
        self.epochs: list[str] = []
        self.looks: list[RoomState] = []  # those of this epoch
        self.said: list[Told] = []  # over all epochs
        self.present: dict[str, int] = {}
        self.channel: Any = stage.redis.pubsub()
        stage.run(self._listen())

    def teardown(self) -> None:
        try:
            self.stage.run(self._everything_was_said())
        finally:
            self.stage.run(self.channel.aclose())
            self.stage.forget(self.desk.prefix)

    # --- what flows do ----------------------------------------------------------------------------

    @rule(
        publication_id=a_publication_id,
        drop_id=a_drop_id,
        kind=st.sampled_from([FeedKind.OPENED, FeedKind.CHANGED]),
        quantity=st.integers(1, 9),
    )
    def publish(self, publication_id: str, drop_id: str, kind: FeedKind, quantity: int) -> None:
        # People's words may look like ours.
        drop = a_room_drop(drop_id, quantity=quantity, message='"closed_at":7')
        self._publish(publication_id, kind, drop)

    @rule(publication_id=a_publication_id, drop_id=a_drop_id, is_long_ago=st.booleans())
    def close(self, publication_id: str, drop_id: str, is_long_ago: bool) -> None:
        self._publish(publication_id, FeedKind.CLOSED, _closed(drop_id, is_long_ago))

    @rule(publication_id=a_publication_id, drop_id=a_drop_id)
    def correct(self, publication_id: str, drop_id: str) -> None:
        drop = _closed(drop_id, is_long_ago=False)
        self.stage.run(self.feed.correct(publication_id, drop))
        self._expect(publication_id, FeedKind.CLOSED, drop, only_where_open=True)

    def _publish(self, publication_id: str, kind: FeedKind, drop: RoomDrop) -> None:
        offset = self.stage.run(self.feed.publish(publication_id, kind, drop))
        assert offset == self._expect(publication_id, kind, drop)

    def _expect(
        self, publication_id: str, kind: FeedKind, drop: RoomDrop, only_where_open: bool = False
    ) -> int:
        known = set(self.model.told_at)
        offset = self.model.publish(publication_id, kind, drop, only_where_open)
        if self.model.told_at.keys() != known:
            self.said.append(Told(kind, offset, drop))
        return offset

    # --- what gateways do -------------------------------------------------------------------------

    @rule()
    def look(self) -> None:
        """The state, and the way to it from every earlier state of this epoch."""
        begins = self.model.is_another_server
        state = self.stage.run(self.feed.state(ROOM))
        assert {drop.id: drop for drop in state.drops} == self.model.state(state.now)
        assert state.offset == self.model.offset
        if begins:
            self.looks.clear()
        self.looks.append(state)
        assert {look.epoch for look in self.looks} == {state.epoch}
        for earlier in self.looks:
            self._replay(earlier, state)

    def _replay(self, earlier: RoomState, now: RoomState) -> None:
        told = self.stage.run(self.feed.publications_since(ROOM, earlier.offset))
        offsets = [one.offset for one in told]
        assert offsets == list(range(earlier.offset + 1, now.offset + 1)), "a gap"
        assert {one.epoch for one in told} <= {now.epoch}
        drops = {drop.id: drop for drop in earlier.drops} | {one.drop.id: one.drop for one in told}
        drops = {name: drop for name, drop in drops.items() if not _left(drop, now.now)}
        assert drops == {drop.id: drop for drop in now.drops}, "who stayed sees something else"

    @rule(gateway_id=st.sampled_from(["gwy_1", "gwy_2", "gwy_3"]), students=st.integers(0, 5))
    def report_presence(self, gateway_id: str, students: int) -> None:
        present = self.stage.run(self.feed.report_presence(ROOM, gateway_id, students))
        self.present[gateway_id] = students
        assert present == sum(self.present.values())

    @rule(gateway_id=st.sampled_from(["gwy_1", "gwy_2", "gwy_3"]))
    def a_gateway_falls_silent(self, gateway_id: str) -> None:
        if self.present.pop(gateway_id, None) is not None:
            self.stage.run(_expire_word(self.desk, self.keys.presence, gateway_id))

    # --- what happens to a feed -------------------------------------------------------------------

    @rule()
    def the_server_is_another(self) -> None:
        self.model.is_another_server = True
        self.looks.clear()
        self.stage.run(_write(self.desk, self.keys.feed, {"run_id": ANOTHER_SERVER}))

    @rule()
    def redis_is_emptied(self) -> None:
        self.model = ModelFeed()
        self.looks.clear()
        self.present.clear()
        self.stage.forget(self.desk.prefix)

    # --- what has to hold after every step --------------------------------------------------------

    @invariant()
    def feed_and_model_agree(self) -> None:
        """The keys themselves: to ask for the state would begin an epoch."""
        feed, drops, entries = self.stage.run(self._look())
        shown = {name.decode(): room_drops.load(drop) for name, drop in drops.items()}
        assert shown == self.model.shown
        if self.model.is_another_server:
            return
        self._note_epoch(feed[b"epoch"].decode())
        assert int(feed[b"offset"]) == self.model.offset
        messages = [orjson.loads(fields[b"m"]) for _, fields in entries]
        assert [_told(message) for message in messages] == self.model.stream
        assert all(message["epoch"] == self.epochs[-1] for message in messages)

    def _note_epoch(self, epoch: str) -> None:
        if not self.epochs or self.epochs[-1] != epoch:
            assert not self.model.stream[1:], "an epoch began in the middle"
            self.epochs.append(epoch)

    async def _look(self) -> Any:
        pipe: Any
        async with self.desk.redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(self.keys.feed).hgetall(self.keys.drops).xrange(self.keys.stream)
            return await pipe.execute()

    # --- the channel ------------------------------------------------------------------------------

    async def _listen(self) -> None:
        await self.channel.ssubscribe(self.keys.channel)
        assert await self.channel.get_message(timeout=10) is not None

    async def _everything_was_said(self) -> None:
        heard: list[Told] = []
        while len(heard) < len(self.said):
            message = await self.channel.get_message(timeout=10)
            assert message is not None, "something was not said"
            heard.append(_told(orjson.loads(message["data"])))
        assert heard == self.said


def _closed(drop_id: str, is_long_ago: bool) -> RoomDrop:
    ago = 2 * SHOWN_AFTER_CLOSE_MS if is_long_ago else 0
    drop = a_room_drop(drop_id)
    return replace(drop, closed_at=now_ms() - ago, close_reason=CloseReason.ENDED)


def _told(message: Any) -> Told:
    kind, offset = FeedKind(message["kind"]), message["offset"]
    return Told(kind, offset, room_drops.of_fields(message["drop"]))


async def _write(desk: Desk, key: str, fields: Mapping[Any, Any]) -> None:
    await desk.redis.hset(key, mapping=fields)


async def _expire_word(desk: Desk, key: str, gateway_id: str) -> None:
    await desk.redis.zadd(key, {gateway_id: 1})
