"""Promise I5: a student who reconnects has the same state as one who was connected all the time."""

from collections.abc import Callable, Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from client_sdk.python.frames import instant_text
from client_sdk.python.session import Session
from tests.unit.client_sdk.model_room import ModelDrop, ModelRoom

NOW = 1_772_355_600_000
LOST = ("released", "revoked")
MINE = ("won", "confirmed", "released", "revoked")
Act = Callable[[ModelRoom, ModelDrop, int], None]


def _top_up(room: ModelRoom, drop: ModelDrop, number: int) -> None:
    drop.quantity += number
    room.publish(type="drop_changed", drop=drop.shown(room.now))


def _extend(room: ModelRoom, drop: ModelDrop, number: int) -> None:
    drop.closes_at += number * 1000
    room.publish(type="drop_changed", drop=drop.shown(room.now))


def _close(room: ModelRoom, drop: ModelDrop, _: int) -> None:
    # Like the desk: a drop whose time is over ended at that time, whenever it is closed.
    drop.closed_at, drop.reason = min(room.now, drop.closes_at), "stopped"
    closed_at = instant_text(drop.closed_at)
    room.publish(type="drop_closed", drop_id=drop.id, reason="stopped", closed_at=closed_at)


def _take(room: ModelRoom, drop: ModelDrop, _: int) -> None:
    if drop.is_open(room.now) and drop.taken < drop.quantity:
        drop.taken += 1
        room.progress(drop)


def _tap(room: ModelRoom, drop: ModelDrop, number: int) -> None:
    room.flaky.tap(drop.id, f"r{number}", room.now)


def _tap_unheard(room: ModelRoom, drop: ModelDrop, number: int) -> None:
    room.loses_answers = True
    _tap(room, drop, number)
    room.loses_answers = False
    room.flaky.cut(room.now)


def _confirm(room: ModelRoom, drop: ModelDrop, _: int) -> None:
    if drop.id in room.claims:
        room.confirm(drop.id)


def _release(room: ModelRoom, drop: ModelDrop, _: int) -> None:
    claim = room.claims.get(drop.id)
    if claim is not None and claim.state == "confirmed":
        claim.state = "released"
        drop.taken -= 1
        coupon_id = claim.coupon["id"]
        room.tell(type="coupon_released", drop_id=drop.id, coupon_id=coupon_id, reason="hold")
        room.progress(drop)


def _revoke(room: ModelRoom, drop: ModelDrop, _: int) -> None:
    claim = room.claims.get(drop.id)
    if claim is not None and claim.state in ("won", "confirmed"):
        claim.state = "revoked"
        room.tell(type="claim_revoked", drop_id=drop.id, reason="nothing_left")


ON_DROPS: Mapping[str, Act] = {
    "top up": _top_up,
    "extend": _extend,
    "close": _close,
    "take": _take,
    "tap": _tap,
    "tap, answer lost": _tap_unheard,
    "confirm": _confirm,
    "release": _release,
    "revoke": _revoke,
}
STEPS = st.tuples(
    st.sampled_from([*ON_DROPS, "tap", "confirm", "open", "pass", "pass long", "cut", "join"]),
    st.integers(0, 5),
)


def _open(room: ModelRoom, number: int) -> None:
    opens_at = room.now + max(0, number - 3) * 1000  # most are open at once
    drop = ModelDrop(f"drp_{len(room.drops)}", opens_at, opens_at + 20_000, 1 + number % 3)
    room.drops[drop.id] = drop
    room.publish(type="drop_opened", drop=drop.shown(room.now))


def _pass(room: ModelRoom, seconds: int) -> None:
    """Both hear the server now and then; the one who is away does not."""
    for _ in range(seconds):
        room.now += 1000
        room.tell(type="ping", now=_text(room.now))


def _text(ms: int) -> str:
    return str(ModelDrop("", ms, ms, 0).shown(ms)["opens_at"])


def _reconnect(room: ModelRoom) -> None:
    if not room.flaky.is_connected:
        room.flaky.join(room.welcome(), room.now)


def _take_step(room: ModelRoom, step: str, number: int) -> None:
    shown = [drop for drop in room.drops.values() if drop.closed_at is None]
    if step in ON_DROPS:
        if shown:
            ON_DROPS[step](room, shown[-1 - number % min(2, len(shown))], number)
    elif step == "open":
        _open(room, number)
    elif step == "cut":
        room.flaky.cut(room.now)
    elif step == "join":
        _reconnect(room)
    else:
        _pass(room, number * 30 if step == "pass long" else number)


def _seen_by(session: Session) -> object:
    """Return the state that both students must share.

    It excludes a refused claim, which only the connection that claimed knows, and what is left of a closed
    drop, which no client shows.
    """
    state = session.state
    shown = {drop["id"] for drop in state.drops}
    claims = {
        drop_id: (LOST if claim.state in LOST else claim.state, claim.coupon)
        for drop_id, claim in state.claims.items()
        if claim.state in MINE and drop_id in shown
    }
    drops = {
        drop["id"]: {**drop, "remaining": 0} if drop["state"] == "closed" else drop
        for drop in state.drops
    }
    return drops, claims


@settings(max_examples=100, deadline=None)
@given(st.lists(STEPS, min_size=5, max_size=40))
def test_a_student_who_reconnects_sees_what_one_who_never_left_sees(
    steps: list[tuple[str, int]],
) -> None:
    room = ModelRoom(NOW)
    _open(room, 0)
    for step, number in steps:
        _take_step(room, step, number)
    _reconnect(room)
    for drop in (
        room.shown_drops()
    ):  # before it is confirmed, only the connection that claimed knows of a win
        _confirm(room, drop, 0)
    assert _seen_by(room.flaky.session) == _seen_by(room.steady.session)
