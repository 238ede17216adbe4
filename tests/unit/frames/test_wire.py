"""Frames as bytes: what is taken from clients, and what each frame to them looks like."""

import string
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.coupons.coupons import ClaimCoupon, Coupon, CouponState
from server.core.drops.claims import Audience, ClaimState, Outcome
from server.core.drops.drops import CloseReason, DropState, RoomDrop, Window
from server.core.drops.tasks import WatchTask
from server.core.ids import BatchId, ClaimId, CouponId, DropId, StudentId
from server.core.promotions.templates import (
    AmountOff,
    RelativeValidity,
    Scope,
    Template,
    TemplateForm,
    Threshold,
)
from server.desk.feed import room_drops
from server.frames import client_frames, coupon_frames, wire

NINE = 1_772_355_600_000  # 2026-03-01T09:00:00.000Z
NINE_TEXT = "2026-03-01T09:00:00.000Z"
FIVE_PAST_TEXT = "2026-03-01T09:05:00.000Z"
ID_CHARS = string.ascii_letters + string.digits + "_.:-"
IDS = st.text(ID_CHARS, min_size=1, max_size=64)
ANYTHING = st.sampled_from([None, True, 0, -1.5, "", "r1", "a b", [], ["r1"], {}, {"id": "r1"}])

DROP = RoomDrop(
    id=DropId("drp_1"),
    room="r1",
    shard=3,
    batch_id=BatchId("bat_1"),
    per_student=2,
    audience=Audience(),
    name="满100减10",
    description="",
    message="for you",
    currency="CNY",
    discount={"kind": "amount_off", "amount": 1000},
    threshold={"min_amount": 0},
    scope={"courses": [], "packages": []},
    validity={"kind": "relative", "seconds": 60},
    mode="first",
    quantity=3,
    window=Window(NINE, NINE + 300_000),
)
EVERYTHING = replace(
    DROP,
    audience=Audience(frozenset({"new", "trial"}), frozenset({"ada"})),
    style={"colour": "#c00"},
    hold_seconds=600,
    use_url="https://school.example/pay",
    closed_at=NINE + 1_000,
    close_reason=CloseReason.ENDED,
)
TEMPLATE = Template(
    TemplateForm(
        name="Ten off",
        description="",
        currency="CNY",
        discount=AmountOff(1000),
        threshold=Threshold(),
        scope=Scope(),
        validity=RelativeValidity(60),
    ),
    id="tpl_1",
    version=1,
)
COUPON = Coupon(
    id=CouponId("cpn_1"),
    code="LIVE-7K3F",
    batch_id=BatchId("bat_1"),
    template=TEMPLATE,
    student=StudentId("ada"),
    state=CouponState.USABLE,
    valid_from=NINE,
    valid_until=NINE + 300_000,
    created_at=NINE,
)


class TestFromClients:
    @pytest.mark.parametrize(
        ("text", "frame"),
        [
            (b'{"type":"hello","token":"t"}', client_frames.Hello("t")),
            (b'{"type":"hello","token":""}', client_frames.Hello("")),
            (b'{"type":"seen","drop_id":"drp_1"}', client_frames.SeenFrame("drp_1")),
            (b'{"type":"pong"}', client_frames.Pong()),
            (b'{"type":"quiz_answered","quiz":1}', client_frames.Unknown()),
            (b'{"type":""}', client_frames.Unknown()),
        ],
    )
    def test_frame_is_read(self, text: bytes, frame: client_frames.ClientFrame) -> None:
        assert client_frames.parse(text) == frame

    @given(drop_id=IDS, request_id=IDS)
    def test_claim_is_read(self, drop_id: str, request_id: str) -> None:
        text = orjson.dumps({"type": "claim", "drop_id": drop_id, "request_id": request_id})
        assert client_frames.parse(text) == client_frames.ClaimFrame(drop_id, request_id)

    @pytest.mark.parametrize("name", ["a", "a" * 64])
    def test_an_id_has_1_to_64_characters(self, name: str) -> None:
        text = orjson.dumps({"type": "seen", "drop_id": name})
        assert client_frames.parse(text) == client_frames.SeenFrame(name)

    @pytest.mark.parametrize(
        "text", [b'{"token":"t","type":"hello","device":"d","later":[1]}', b' {"type" :"pong"}\n']
    )
    def test_order_blanks_and_unknown_fields_do_not_matter(self, text: bytes) -> None:
        assert client_frames.parse(text) is not None

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_any_buffer_is_read(self, kind: type[bytes]) -> None:
        assert client_frames.parse(kind(b'{"type":"pong"}')) == client_frames.Pong()

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"{",
            b"null",
            b"[]",
            b'"pong"',
            b"{}",
            b'{"type":1}',
            b'{"type":null}',
            b'{"type":["pong"]}',
            b'{"type":"hello"}',
            b'{"type":"hello","token":1}',
            b'{"type":"seen"}',
            b'{"type":"seen","drop_id":1}',
            b'{"type":"claim"}',
            b'{"type":"claim","drop_id":"drp_1"}',
            b'{"type":"claim","request_id":"r1"}',
            b'{"type":"claim","drop_id":"drp_1","request_id":["r1"]}',
            b'{"type":"pong","x":NaN}',
            b'{"type":"\xff"}',
            b'{"type":"\xed\xa0\x80"}',  # half of a surrogate pair
            b"[" * 2_000,
        ],
    )
    def test_what_is_no_frame_is_none(self, text: bytes) -> None:
        assert client_frames.parse(text) is None

    @pytest.mark.parametrize("bad", ["", "a" * 65, "a b", "a\n", "ä", "a|b", "a/b", "\u0661"])
    def test_bad_id_is_none(self, bad: str) -> None:
        """A `|` would tear a claim's record on the desk apart."""
        for frame in (
            {"type": "seen", "drop_id": bad},
            {"type": "claim", "drop_id": bad, "request_id": "r1"},
            {"type": "claim", "drop_id": "drp_1", "request_id": bad},
        ):
            assert client_frames.parse(orjson.dumps(frame)) is None

    @given(st.binary(max_size=200))
    def test_no_bytes_break_it(self, text: bytes) -> None:
        assert client_frames.parse(text) is None or orjson.loads(text)["type"] is not None

    @given(
        st.sampled_from(["hello", "claim", "seen", "pong", "later"]),
        st.dictionaries(st.sampled_from(["token", "drop_id", "request_id"]), ANYTHING),
    )
    def test_no_field_breaks_it(self, kind: str, fields: dict[str, object]) -> None:
        frame = client_frames.parse(orjson.dumps({**fields, "type": kind}))
        assert frame is None or isinstance(frame, client_frames.ClientFrame)


class TestDropShown:
    def test_without_what_it_has_not(self) -> None:
        shown = wire.public_drop(DROP, DropState.OPEN, 2)
        assert next(iter(shown)) == "id"
        assert shown == {
            "id": "drp_1",
            "state": "open",
            "name": "满100减10",
            "description": "",
            "message": "for you",
            "currency": "CNY",
            "discount": {"kind": "amount_off", "amount": 1000},
            "threshold": {"min_amount": 0},
            "scope": {"courses": [], "packages": []},
            "validity": {"kind": "relative", "seconds": 60},
            "mode": "first",
            "quantity": 3,
            "remaining": 2,
            "opens_at": NINE_TEXT,
            "closes_at": FIVE_PAST_TEXT,
        }

    def test_with_everything(self) -> None:
        shown = wire.public_drop(EVERYTHING, DropState.CLOSED, 0)
        plain = wire.public_drop(DROP, DropState.CLOSED, 0)
        more = {name: value for name, value in shown.items() if name not in plain}
        assert more == {
            "hold_seconds": 600,
            "use_url": "https://school.example/pay",
            "style": {"colour": "#c00"},
            "closed_at": "2026-03-01T09:00:01.000Z",
            "close_reason": "ended",
        }

    def test_says_what_it_comes_off_where_that_is_not_goods(self) -> None:
        shipping = replace(DROP, deducts=("shipping",))
        assert wire.public_drop(shipping, DropState.OPEN, 2)["deducts"] == ("shipping",)

    def test_a_task_is_on_the_card(self) -> None:
        task = WatchTask(minutes=5)
        shown = wire.public_drop(replace(DROP, task=task), DropState.OPEN, 2)
        assert shown["task"] == {"kind": "watch", "minutes": 5}

    @pytest.mark.parametrize("name", ["rehearsal", "show_winners"])
    def test_what_few_drops_are_is_said_of_these_alone(self, name: str) -> None:
        drop = replace(DROP, rehearsal=name == "rehearsal", show_winners=name == "show_winners")
        marked = wire.public_drop(drop, DropState.OPEN, 2)
        assert marked[name] is True
        assert name not in wire.public_drop(DROP, DropState.OPEN, 2)

    def test_says_nothing_of_whom_it_is_for_and_where_it_is_kept(self) -> None:
        hidden = {"room", "shard", "batch_id", "per_student", "audience", "tags", "students"}
        assert hidden.isdisjoint(wire.public_drop(EVERYTHING, DropState.CLOSED, 0))

    @pytest.mark.parametrize(
        ("reason", "told"),
        [
            (CloseReason.ENDED, "ended"),
            (CloseReason.SOLD_OUT, "sold_out"),
            (CloseReason.STOPPED, "stopped"),
            (CloseReason.CANCELLED, "stopped"),
            (None, "stopped"),
        ],
    )
    def test_reason_students_are_told(self, reason: CloseReason | None, told: str) -> None:
        assert wire.public_reason(reason) == told


class TestToClients:
    @pytest.mark.parametrize(
        ("frame", "text"),
        [
            (
                wire.drop_frame("drop_opened", {"id": "drp_1"}, "e1", 7),
                b'{"type":"drop_opened","drop":{"id":"drp_1"},"epoch":"e1","offset":7}',
            ),
            (
                wire.drop_closed("drp_1", "ended", NINE, "e1", 9),
                b'{"type":"drop_closed","drop_id":"drp_1","reason":"ended",'
                b'"closed_at":"2026-03-01T09:00:00.000Z","epoch":"e1","offset":9}',
            ),
            (
                wire.drop_progress("drp_1", 1, DropState.OPEN, {}),
                b'{"type":"drop_progress","drop_id":"drp_1","remaining":1,"state":"open"}',
            ),
            (
                wire.drop_progress("drp_1", 0, DropState.SOLD_OUT, {"present": 9, "claimed": 3}),
                b'{"type":"drop_progress","drop_id":"drp_1","remaining":0,"state":"sold_out",'
                b'"present":9,"claimed":3}',
            ),
            (wire.presence(12), b'{"type":"presence","present":12}'),
            (wire.ping(NINE), b'{"type":"ping","now":"2026-03-01T09:00:00.000Z"}'),
            (
                wire.error("token_invalid", "no"),
                b'{"type":"error","code":"token_invalid","message":"no"}',
            ),
            (
                wire.error("server_restart", "soon", 0),
                b'{"type":"error","code":"server_restart","message":"soon","retry_after_ms":0}',
            ),
            (
                wire.claim_result(wire.claim_fields("r1", "drp_1", Outcome.WON)),
                b'{"type":"claim_result","request_id":"r1","drop_id":"drp_1","outcome":"won"}',
            ),
            (
                wire.claim_result(wire.claim_fields("r1", "drp_1", Outcome.RETRY, 500)),
                b'{"type":"claim_result","request_id":"r1","drop_id":"drp_1","outcome":"retry",'
                b'"retry_after_ms":500}',
            ),
            (
                wire.claim_result(
                    wire.claim_fields("r1", "drp_1", Outcome.LIMIT_REACHED, limit="batch")
                ),
                b'{"type":"claim_result","request_id":"r1","drop_id":"drp_1",'
                b'"outcome":"limit_reached","limit":"batch"}',
            ),
            (
                wire.claim_confirmed("drp_1", b'{"id":"cpn_1"}'),
                b'{"type":"claim_confirmed","drop_id":"drp_1","coupon":{"id":"cpn_1"}}',
            ),
            (
                wire.claim_lost("coupon_released", "drp_1", "cpn_1", "hold_ended"),
                b'{"type":"coupon_released","drop_id":"drp_1","coupon_id":"cpn_1",'
                b'"reason":"hold_ended"}',
            ),
            (
                wire.claim_lost("claim_revoked", "drp_1", None, "nothing_left"),
                b'{"type":"claim_revoked","drop_id":"drp_1","reason":"nothing_left"}',
            ),
        ],
    )
    def test_frame_is_written(self, frame: bytes, text: bytes) -> None:
        assert frame == text

    def test_the_answer_to_a_claim_has_the_fields_that_there_are(self) -> None:
        fields = {"request_id": "r1", "drop_id": "drp_1", "outcome": Outcome.RETRY}
        assert wire.claim_fields("r1", "drp_1", Outcome.RETRY) == fields
        assert wire.claim_fields("r1", "drp_1", Outcome.RETRY, 0, "batch") == {
            **fields,
            "retry_after_ms": 0,
            "limit": "batch",
        }

    def test_coupon_without_a_link(self) -> None:
        assert coupon_frames.coupon_fields(COUPON) == {
            "id": "cpn_1",
            "code": "LIVE-7K3F",
            "name": "Ten off",
            "valid_from": NINE_TEXT,
            "valid_until": FIVE_PAST_TEXT,
            "use_by": FIVE_PAST_TEXT,
            "state": "usable",
        }

    def test_held_coupon_with_a_link(self) -> None:
        form = replace(TEMPLATE.form, use_url="https://school.example/pay")
        linked = replace(TEMPLATE, form=form)
        fields = coupon_frames.coupon_fields(
            replace(COUPON, template=linked, hold_until=NINE + 1_000)
        )
        assert fields["use_url"] == "https://school.example/pay"
        assert fields["use_by"] == "2026-03-01T09:00:01.000Z"

    @pytest.mark.parametrize("use_url", [None, 'https://school.example/?a="b"'])
    @pytest.mark.parametrize("hold_until", [None, NINE + 1_000])
    def test_coupon_of_a_claim_as_json(self, use_url: str | None, hold_until: int | None) -> None:
        form = replace(TEMPLATE.form, name='满100减10 "\\', use_url=use_url)
        template = replace(TEMPLATE, form=form)
        dates = (NINE, NINE + 300_000, hold_until)
        coupon = ClaimCoupon(
            ClaimId("clm_1"),
            DropId("drp_1"),
            StudentId("ada"),
            CouponId("cpn_1"),
            "LIVE-7K3F",
            *dates,
            template,
        )
        assert coupon_frames.coupon_json(coupon) == orjson.dumps(
            coupon_frames.coupon_fields(coupon)
        )


class TestWelcome:
    HEAD = wire.welcome_head(room="r1", now=NINE, epoch="e1", offset=5, present=2, drops=[])

    def test_without_claims(self) -> None:
        assert orjson.loads(self.HEAD + wire.welcome_tail("ada", [])) == {
            "type": "welcome",
            "room": "r1",
            "now": NINE_TEXT,
            "epoch": "e1",
            "offset": 5,
            "present": 2,
            "drops": [],
            "student": "ada",
            "claims": [],
        }

    def test_with_claims_and_the_coupon_of_the_confirmed_one(self) -> None:
        claims = [
            wire.my_claim("drp_1", ClaimState.WON, NINE, b""),
            wire.my_claim("drp_2", ClaimState.CONFIRMED, NINE, b'{"id":"cpn_1"}'),
        ]
        assert orjson.loads(self.HEAD + wire.welcome_tail("ada", claims))["claims"] == [
            {"drop_id": "drp_1", "state": "won", "won_at": NINE_TEXT},
            {
                "drop_id": "drp_2",
                "state": "confirmed",
                "won_at": NINE_TEXT,
                "coupon": {"id": "cpn_1"},
            },
        ]

    @given(IDS)
    def test_every_name_a_token_may_carry_stays_valid_json(self, student: str) -> None:
        assert orjson.loads(self.HEAD + wire.welcome_tail(student, []))["student"] == student


class TestDropInRedis:
    @pytest.mark.parametrize("drop", [DROP, EVERYTHING])
    def test_comes_back_as_it_was(self, drop: RoomDrop) -> None:
        assert room_drops.load(room_drops.dump(drop)) == drop

    def test_is_read_from_what_has_been_parsed_already_and_leaves_it_alone(self) -> None:
        fields = orjson.loads(room_drops.dump(EVERYTHING))
        before = dict(fields)
        assert room_drops.of_fields(fields) == EVERYTHING
        assert fields == before
