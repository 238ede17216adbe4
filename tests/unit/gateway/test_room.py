"""A room's frames: to whom, in which order, and how many in one turn of the event loop."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from server.core.drops.claims import Audience, ClaimState
from server.core.drops.drops import SHOWN_AFTER_CLOSE_MS, CloseReason, DropState, RoomDrop, Window
from server.core.identity import Identity, Role
from server.core.ids import ClaimId, DropId, Slot, Unit
from server.desk.claims.claim_record import HeldClaim
from server.desk.drops.drop_state import DeskCounts
from server.desk.feed.feed import RoomState
from server.desk.feed.feed_messages import FeedKind, Publication
from server.frames import wire
from server.gateway.rooms import broadcast as module
from server.gateway.rooms.room import Room, Welcome
from server.gateway.sockets.connection import MAX_UNSENT_BYTES
from tests.support.builders.desks import a_room_drop
from tests.support.sockets import Peer, RecordingTransport, a_member, an_identity, next_pass

pytestmark = pytest.mark.asyncio

NOW = 1_800_000_000_000
EVERYBODY = Audience()
OPEN = Window(NOW - 1_000, NOW + 60_000)


class Class:
    """A room and the people in it, each with what was written to them."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, list[int]]] = []
        self.room = Room(
            "r1", lambda seconds, at: self.sent.append((seconds, [one.at for one in at]))
        )
        self.room.load(RoomState("e1", 0, NOW, ()), {})

    def enters(self, identity: Identity, *, is_welcomed: bool = True) -> RecordingTransport:
        connection, transport = a_member(identity)
        self.room.register(connection, identity)
        if is_welcomed:
            self.room.add_member(connection)
            connection.pending_frames = None
        return transport

    def students(self, count: int) -> list[RecordingTransport]:
        return [self.enters(an_identity(f"s{number}")) for number in range(count)]

    def shows(self, *drops: RoomDrop) -> None:
        self.room.load(RoomState("e1", 0, NOW, drops), {})


@pytest.fixture
def class_() -> Class:
    return Class()


def a_drop(drop_id: str = "drp_1", **columns: Any) -> RoomDrop:
    return a_room_drop(drop_id, **{"window": OPEN, **columns})


def a_publication(
    drop: RoomDrop, offset: int = 1, kind: FeedKind = FeedKind.OPENED, at: int | None = None
) -> Publication:
    return Publication(kind, "e1", offset, drop, at)


def counts(claimed: int, **columns: Any) -> DeskCounts:
    row = {"now": NOW, "window": OPEN, "closed_at": None, "quantity": 0, **columns}
    return DeskCounts(claimed=claimed, claimed_total=claimed, confirmed=0, **row)


def frames_of(transport: RecordingTransport) -> list[dict[str, Any]]:
    """The JSON of everything written, frame by frame (a server's frames carry no mask)."""
    data, found = b"".join(transport.writes), []
    while data:
        head, size = (2, data[1]) if data[1] < 126 else (4, int.from_bytes(data[2:4], "big"))
        found.append(orjson.loads(data[head : head + size]))
        data = data[head + size :]
    return found


class TestBroadcast:
    async def test_one_who_does_not_read_is_cut_off_by_what_everybody_is_told(
        self, class_: Class
    ) -> None:
        ada, bob = class_.students(2)
        ada.unsent = MAX_UNSENT_BYTES + 1
        class_.room.broadcast(b"1", EVERYBODY)
        await next_pass()

        assert ada.ended == ["aborted"]
        assert bob.writes == [b"1"]

    async def test_what_is_due_together_goes_out_as_one_write_in_order(self, class_: Class) -> None:
        (ada,) = class_.students(1)
        for frame in (b"1", b"2", b"3"):
            class_.room.broadcast(frame, EVERYBODY)
        assert ada.writes == []
        await next_pass()

        assert ada.writes == [b"123"]

    async def test_everybody_is_written_the_very_same_bytes(self, class_: Class) -> None:
        everybody = class_.students(5)
        class_.room.broadcast(b"1", EVERYBODY)
        await next_pass()

        assert [one.writes for one in everybody] == [[b"1"]] * 5

    async def test_who_has_not_been_welcomed_is_not_told(self, class_: Class) -> None:
        """The welcome will have it."""
        waiting = class_.enters(an_identity("ada"), is_welcomed=False)
        class_.room.broadcast(b"1", EVERYBODY)
        await next_pass()

        assert waiting.writes == []

    async def test_who_left_is_not_told(self, class_: Class) -> None:
        identity = an_identity("ada")
        ada = class_.enters(identity)
        class_.room.remove(next(iter(class_.room.connections)), identity)
        class_.room.broadcast(b"1", EVERYBODY)
        await next_pass()

        assert ada.writes == []

    async def test_a_large_room_is_told_slice_by_slice_and_others_get_their_turn(
        self, class_: Class, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "WRITES_PER_TURN", 2)
        everybody = class_.students(5)
        told = []
        class_.room.broadcast(b"1", EVERYBODY)
        for _ in range(4):
            await next_pass()
            told.append(sum(1 for one in everybody if one.writes))

        assert told == [2, 4, 5, 5]
        assert [one.writes for one in everybody] == [[b"1"]] * 5

    async def test_what_comes_between_two_slices_reaches_everybody_after_the_last(
        self, class_: Class, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "WRITES_PER_TURN", 2)
        everybody = class_.students(3)
        class_.room.broadcast(b"1", EVERYBODY)
        await next_pass()
        class_.room.broadcast(b"2", EVERYBODY)
        for _ in range(4):
            await next_pass()

        assert [one.writes for one in everybody] == [[b"1", b"2"]] * 3

    async def test_one_who_is_saying_goodbye_does_not_silence_the_room(self, class_: Class) -> None:
        before, leaver, behind = (
            class_.enters(an_identity("ada")),
            Peer(),
            class_.enters(an_identity("bob")),
        )
        leaver.shake_hands()
        class_.room.add_member(leaver.connection)
        leaver.send_close()
        for news in (b"one", b"two"):
            class_.room.broadcast(news, EVERYBODY)
            await next_pass()

        assert before.writes == behind.writes == [b"one", b"two"]

    async def test_one_whose_socket_is_gone_stops_nobody(self, class_: Class) -> None:
        everybody = class_.students(3)
        everybody[0].abort()  # it raises from now on, as uvloop's does
        class_.room.broadcast(b"1", EVERYBODY)
        await next_pass()

        assert sum(len(one.writes) for one in everybody) == 2


class TestTimeItTook:
    async def test_it_is_told_once_when_the_last_has_it(
        self, class_: Class, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "WRITES_PER_TURN", 2)
        class_.students(3)
        class_.room.broadcast(b"1", EVERYBODY)
        await next_pass()
        assert class_.sent == []
        await next_pass()

        ((seconds, published),) = class_.sent
        assert seconds >= 0
        assert published == []

    async def test_it_comes_with_when_that_was_published(self, class_: Class) -> None:
        class_.students(1)
        class_.room.apply(a_publication(a_drop("drp_1"), 1, at=NOW - 20), NOW)
        class_.room.broadcast(b"1", EVERYBODY)
        class_.room.apply(a_publication(a_drop("drp_2"), 2, at=NOW - 10), NOW)
        class_.room.apply(a_publication(a_drop("drp_3"), 3), NOW)
        await next_pass()
        class_.room.broadcast(b"2", EVERYBODY)
        await next_pass()

        assert [published for _, published in class_.sent] == [[NOW - 20, NOW - 10], []]


class TestAudience:
    async def test_a_drop_for_some_is_told_to_them_and_to_who_teaches(self, class_: Class) -> None:
        tagged = class_.enters(an_identity("ada", Role.STUDENT, "new"))
        named = class_.enters(an_identity("bob"))
        other = class_.enters(an_identity("eve", Role.STUDENT, "old"))
        teacher = class_.enters(an_identity("tom", Role.INSTRUCTOR))
        drop = a_drop(audience=Audience(frozenset({"new"}), frozenset({"bob"})))
        class_.room.apply(a_publication(drop), NOW)
        await next_pass()

        told = [len(one.writes) for one in (tagged, named, other, teacher)]
        assert told == [1, 1, 0, 1]

    async def test_what_is_for_all_and_what_is_for_some_keep_their_order(
        self, class_: Class
    ) -> None:
        new = class_.enters(an_identity("ada", Role.STUDENT, "new"))
        other = class_.enters(an_identity("eve"))
        for number, audience in enumerate((EVERYBODY, Audience(frozenset({"new"})), EVERYBODY)):
            class_.room.broadcast(str(number).encode(), audience)
        await next_pass()

        assert (new.writes, other.writes) == ([b"012"], [b"02"])

    async def test_nobody_is_written_an_empty_piece(self, class_: Class) -> None:
        other = class_.enters(an_identity("eve"))
        class_.room.broadcast(b"1", Audience(frozenset({"new"})))
        await next_pass()

        assert other.writes == []

    async def test_instructors_are_told_once_they_are_welcomed(self, class_: Class) -> None:
        inside = class_.enters(an_identity("tom", Role.INSTRUCTOR))
        waiting = class_.enters(an_identity("tim", Role.INSTRUCTOR), is_welcomed=False)
        student = class_.enters(an_identity("ada"))
        class_.room.send_to_instructors(b"1")

        assert [one.writes for one in (inside, waiting, student)] == [[b"1"], [], []]


class TestPeople:
    async def test_a_student_hears_on_every_socket(self, class_: Class) -> None:
        phone, laptop = (class_.enters(an_identity("ada")) for _ in range(2))
        other = class_.enters(an_identity("bob"))
        class_.room.send_to_student("ada", b"1")
        class_.room.send_to_student("nobody", b"2")

        assert [one.writes for one in (phone, laptop, other)] == [[b"1"], [b"1"], []]

    async def test_a_student_is_there_until_the_last_socket_leaves(self, class_: Class) -> None:
        identity = an_identity("ada")
        for _ in range(2):
            class_.enters(identity)
        first, second = list(class_.room.connections)
        class_.room.remove(first, identity)
        class_.room.remove(first, identity)
        assert not class_.room.is_empty
        class_.room.remove(second, identity)

        assert class_.room.is_empty
        assert class_.room.students == {}

    async def test_a_teacher_alone_is_somebody(self, class_: Class) -> None:
        identity = an_identity("tom", Role.INSTRUCTOR)
        class_.enters(identity)
        assert not class_.room.is_empty
        class_.room.remove(next(iter(class_.room.connections)), identity)

        assert class_.room.is_empty


class TestFeed:
    async def test_only_the_next_step_follows(self, class_: Class) -> None:
        drop = a_drop()
        class_.room.apply(a_publication(drop, 1), NOW)

        assert class_.room.follows(a_publication(drop, 2))
        assert not class_.room.follows(a_publication(drop, 3))
        assert not class_.room.follows(Publication(FeedKind.OPENED, "e2", 2, drop))

    async def test_steps_of_this_epoch_up_to_here_are_old(self, class_: Class) -> None:
        drop = a_drop()
        class_.room.apply(a_publication(drop, 1), NOW)

        assert class_.room.is_old(a_publication(drop, 1))
        assert not class_.room.is_old(a_publication(drop, 2))
        assert not class_.room.is_old(Publication(FeedKind.OPENED, "e2", 1, drop))

    @pytest.mark.parametrize(
        ("kind", "frame"),
        [(FeedKind.OPENED, "drop_opened"), (FeedKind.CHANGED, "drop_changed")],
    )
    async def test_a_drop_is_shown_as_it_is_now(
        self, class_: Class, kind: FeedKind, frame: str
    ) -> None:
        (ada,) = class_.students(1)
        class_.room.apply(a_publication(a_drop(), 1, kind), NOW)
        await next_pass()

        (told,) = frames_of(ada)
        assert (told["type"], told["epoch"], told["offset"]) == (frame, "e1", 1)
        assert (told["drop"]["state"], told["drop"]["remaining"]) == ("open", 3)

    @pytest.mark.parametrize(
        ("reason", "told_reason"),
        [
            (CloseReason.SOLD_OUT, "sold_out"),
            (CloseReason.ENDED, "ended"),
            (CloseReason.CANCELLED, "stopped"),
        ],
    )
    async def test_an_end_is_told_with_its_reason(
        self, class_: Class, reason: CloseReason, told_reason: str
    ) -> None:
        (ada,) = class_.students(1)
        closed = a_drop(closed_at=NOW, close_reason=reason)
        class_.room.apply(a_publication(closed, 1, FeedKind.CLOSED), NOW + 5)
        await next_pass()

        (told,) = frames_of(ada)
        assert (told["type"], told["reason"]) == ("drop_closed", told_reason)
        assert told["closed_at"] == "2027-01-15T08:00:00.000Z"

    async def test_a_seal_is_told_without_the_card(self, class_: Class) -> None:
        ann = class_.enters(an_identity("ann"))
        seal = {"root": "ab", "count": 1, "stock": 3, "seal": "cd"}
        closed = a_drop(closed_at=NOW - 1, close_reason=CloseReason.STOPPED, seal=seal)
        class_.room.apply(a_publication(closed, kind=FeedKind.SEALED), NOW)
        await next_pass()

        told = {"drop_id": "drp_1", "seal": seal, "epoch": "e1", "offset": 1}
        assert frames_of(ann) == [{"type": "drop_sealed", **told}]


class TestCounters:
    async def test_all_of_a_new_drop_is_left(self, class_: Class) -> None:
        assert class_.room.remaining(a_drop(quantity=10)) == 10

    async def test_a_top_up_is_left_at_once(self, class_: Class) -> None:
        """Though what was counted last knows nothing of it."""
        class_.shows(a_drop(quantity=10))
        class_.room.counts["drp_1"] = counts(8, quantity=10)
        class_.room.apply(a_publication(a_drop(quantity=15), 1, FeedKind.CHANGED), NOW)

        assert class_.room.remaining(class_.room.drops["drp_1"]) == 7

    @pytest.mark.parametrize(
        ("drop", "claimed", "state"),
        [
            (a_drop(), 2, DropState.OPEN),
            (a_drop(), 3, DropState.SOLD_OUT),
            (a_drop(window=Window(NOW + 1, NOW + 2)), 0, DropState.SCHEDULED),
            (a_drop(window=Window(NOW - 2, NOW)), 0, DropState.CLOSED),
            (a_drop(closed_at=NOW - 1), 0, DropState.CLOSED),
        ],
    )
    async def test_the_state_follows_clock_and_count(
        self, class_: Class, drop: RoomDrop, claimed: int, state: DropState
    ) -> None:
        class_.room.counts["drp_1"] = counts(claimed)

        assert class_.room.state_of(drop, NOW) is state

    async def test_live_are_those_that_taps_may_still_move(self, class_: Class) -> None:
        class_.shows(
            a_drop("drp_open"),
            a_drop("drp_soon", window=Window(NOW + 1, NOW + 2)),
            a_drop("drp_over", window=Window(NOW - 2, NOW)),
            a_drop("drp_closed", closed_at=NOW - 1),
        )

        assert [drop.id for drop in class_.room.live_drops(NOW)] == ["drp_open", "drp_soon"]

    async def test_shown_are_also_those_closed_not_long_ago(self, class_: Class) -> None:
        class_.shows(
            a_drop("drp_open"),
            a_drop("drp_closed", closed_at=NOW - SHOWN_AFTER_CLOSE_MS + 1),
            a_drop("drp_gone", closed_at=NOW - SHOWN_AFTER_CLOSE_MS),
        )

        assert [drop.id for drop in class_.room.visible_drops(NOW)] == ["drp_open", "drp_closed"]


@pytest.fixture
def heads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The times at which the shared part of a welcome was made."""
    made: list[int] = []
    real = wire.welcome_head

    def welcome_head(**fields: Any) -> bytes:
        made.append(fields["now"])
        return real(**fields)

    monkeypatch.setattr(wire, "welcome_head", welcome_head)
    return made


class TestWelcome:
    def welcome(
        self,
        class_: Class,
        identity: Identity,
        held: Mapping[DropId, HeldClaim | None] | None = None,
        now: int = NOW,
    ) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(class_.room.welcome_of(identity, held or {}, now).text)
        return found

    async def test_a_class_that_joins_within_a_second_shares_one_head(
        self, class_: Class, heads: list[int]
    ) -> None:
        class_.shows(a_drop())
        names = [
            self.welcome(class_, an_identity(f"s{n}"), now=NOW + n)["student"] for n in range(999)
        ]

        assert heads == [NOW]
        assert names == [f"s{n}" for n in range(999)]

    async def test_the_next_second_has_its_own(self, class_: Class, heads: list[int]) -> None:
        for now in (NOW, NOW + 999, NOW + 1_000):
            self.welcome(class_, an_identity("ada"), now=now)

        assert heads == [NOW, NOW + 1_000]

    async def test_a_step_of_the_feed_is_in_the_very_next_welcome(self, class_: Class) -> None:
        self.welcome(class_, an_identity("ada"))
        class_.room.apply(a_publication(a_drop(), 1), NOW)
        told = self.welcome(class_, an_identity("bob"))

        assert (told["offset"], [drop["id"] for drop in told["drops"]]) == (1, ["drp_1"])

    async def test_a_state_read_afresh_is_in_the_very_next_welcome(self, class_: Class) -> None:
        self.welcome(class_, an_identity("ada"))
        class_.room.load(RoomState("e2", 0, NOW, ()), {})

        assert self.welcome(class_, an_identity("bob"))["epoch"] == "e2"

    async def test_where_a_drop_is_for_some_each_sees_their_own(
        self, class_: Class, heads: list[int]
    ) -> None:
        class_.shows(a_drop("drp_all"), a_drop("drp_new", audience=Audience(frozenset({"new"}))))
        who = {
            "new": an_identity("ada", Role.STUDENT, "new"),
            "other": an_identity("eve"),
            "teacher": an_identity("tom", Role.INSTRUCTOR),
        }
        seen = {
            name: [drop["id"] for drop in self.welcome(class_, identity)["drops"]]
            for name, identity in who.items()
        }

        both = ["drp_all", "drp_new"]
        assert seen == {"new": both, "other": ["drp_all"], "teacher": both}
        assert len(heads) == 2

    async def test_who_is_present_counts_those_here_before_the_others_have_told(
        self, class_: Class
    ) -> None:
        class_.students(3)
        assert self.welcome(class_, an_identity("ada"))["present"] == 3
        class_.room.present = 40

        assert self.welcome(class_, an_identity("ada"), now=NOW + 1_000)["present"] == 40

    async def test_claims_are_shown_and_those_not_confirmed_are_remembered(
        self, class_: Class
    ) -> None:
        held = {
            DropId("drp_1"): a_held(ClaimState.WON),
            DropId("drp_2"): a_held(ClaimState.CONFIRMED, b'{"code":"AAAA"}'),
            DropId("drp_3"): None,
        }
        told = self.welcome(class_, an_identity("ada"), held)

        assert [(c["drop_id"], c["state"]) for c in told["claims"]] == [
            ("drp_1", "won"),
            ("drp_2", "confirmed"),
        ]
        assert class_.room.unconfirmed == {("drp_1", "ada"): held[DropId("drp_1")]}

    async def test_those_who_are_shown_the_same_drops_share_a_head(
        self, class_: Class, heads: list[int]
    ) -> None:
        class_.shows(a_drop("drp_1"), a_drop("drp_2", audience=Audience(frozenset({"vip"}))))
        for n in range(10):
            self.welcome(class_, an_identity(f"s{n}"))
            self.welcome(class_, an_identity(f"v{n}", Role.STUDENT, "vip"))

        assert heads == [NOW, NOW]

    async def test_heads_of_many_different_audiences_are_not_all_kept(
        self, class_: Class, heads: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("server.gateway.rooms.room._MAX_HEADS", 1)
        class_.shows(a_drop("drp_1", audience=Audience(frozenset({"vip"}))))
        for tag in ("vip", "none", "vip", "none"):
            self.welcome(class_, an_identity("ada", Role.STUDENT, tag))

        assert len(heads) == 3

    async def test_a_state_that_is_too_large_leaves_out_what_closed_first_and_its_claims(
        self, class_: Class, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "server.frames.wire_state.drops_within.__defaults__", (1_000,), raising=False
        )
        closed = [
            a_drop(f"drp_{n}", closed_at=NOW - 10 + n, close_reason=CloseReason.ENDED)
            for n in range(4)
        ]
        class_.shows(*closed)
        held = {drop.id: a_held(ClaimState.CONFIRMED, b'{"id":"c"}') for drop in closed}
        told = self.welcome(class_, an_identity("ada"), held)

        kept = [drop["id"] for drop in told["drops"]]
        assert kept == [drop.id for drop in closed[-len(kept) :]]
        assert 0 < len(kept) < 4
        assert [claim["drop_id"] for claim in told["claims"]] == kept

    async def test_who_is_greeted_hears_what_is_told_from_then_on(self, class_: Class) -> None:
        identity = an_identity("ada")
        connection, transport = a_member(identity)
        class_.room.register(connection, identity)
        class_.room.send_welcome(connection, Welcome(b'{"type":"welcome"', b"}"))
        class_.room.apply(a_publication(a_drop()), NOW)
        await next_pass()

        assert [frame["type"] for frame in frames_of(transport)] == ["welcome", "drop_opened"]

    async def test_who_is_greeted_does_not_hear_again_what_the_welcome_has(
        self, class_: Class
    ) -> None:
        """Two steps are on their way to the others: the first is older than the welcome."""
        before = class_.enters(an_identity("bob"))
        class_.room.apply(a_publication(a_drop("drp_1"), 1), NOW)
        class_.room.apply(a_publication(a_drop("drp_2"), 2), NOW)
        identity = an_identity("ada")
        connection, transport = a_member(identity)
        class_.room.register(connection, identity)
        class_.room.send_welcome(connection, class_.room.welcome_of(identity, {}, NOW))
        class_.room.apply(a_publication(a_drop("drp_3"), 3), NOW)
        for _ in range(3):
            await next_pass()

        assert [frame["offset"] for frame in frames_of(transport)] == [2, 3]
        assert [frame["offset"] for frame in frames_of(before)] == [1, 2, 3]

    async def test_who_is_welcomed_again_is_not_told_what_was_on_its_way(
        self, class_: Class, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The room's state was read afresh, in another epoch, half way through the class."""
        monkeypatch.setattr(module, "WRITES_PER_TURN", 1)
        everybody = class_.students(3)
        class_.room.apply(a_publication(a_drop("drp_1"), 1), NOW)
        await next_pass()
        class_.room.apply(a_publication(a_drop("drp_2"), 2), NOW)
        class_.room.load(RoomState("e2", 0, NOW, ()), {})
        members = class_.room.reset_members()
        for connection in members:
            assert connection.session is not None
            assert connection.session.identity is not None
            identity = connection.session.identity
            class_.room.send_welcome(connection, class_.room.welcome_of(identity, {}, NOW))
        for _ in range(5):
            await next_pass()

        told = [[frame["epoch"] for frame in frames_of(one)] for one in everybody]
        assert told == [["e1", "e2"], ["e2"], ["e2"]]


def a_held(state: ClaimState, coupon: bytes = b"") -> HeldClaim:
    return HeldClaim(
        claim_id=ClaimId("clm_1"),
        state=state,
        request_id="r1",
        unit=Unit(1),
        slot=Slot(1),
        won_at=NOW,
        coupon=coupon,
    )


@pytest.mark.parametrize(
    ("state", "is_reached"),
    [
        (RoomState("e1", 4, NOW, (), 7), True),
        (RoomState("e1", 3, NOW, (), 6), True),
        (RoomState("e1", 5, NOW, (), 7), False),
        (RoomState("e1", 4, NOW, (), 8), False),  # a loss alone was missed
        (RoomState("e2", 4, NOW, (), 7), False),
    ],
)
async def test_a_room_that_missed_a_publication_or_a_loss_has_not_reached_the_state(
    class_: Class, state: RoomState, *, is_reached: bool
) -> None:
    class_.room.load(RoomState("e1", 4, NOW, (), 7), {})

    assert class_.room.has_reached(state) is is_reached
