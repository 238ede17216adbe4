"""Checks the promises: takes a history and the final state, returns broken promises as sentences.

Pure. A call with an unknown outcome may have been done, so it never breaks a promise by itself. Money is
judged in `money_checker.py`. Tested with histories that each break one promise (tests/unit/chaos).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from server.core.drops.claims import ClaimState
from server.ledger.drops.claims import ClaimRow
from tests.chaos.checks.issuance_checker import issuances
from tests.chaos.checks.money_checker import money
from tests.chaos.checks.other_ways_checker import draws, links, offers
from tests.chaos.final_state import FinalDrop, FinalState, Screen, StudentView
from tests.chaos.history import (
    NOT_ANSWERS,
    WINS,
    Answered,
    ApiReply,
    ApiRequest,
    ClaimTakenBack,
    Confirmed,
    FrameReceived,
    History,
    StudentLeft,
    Tapped,
    Welcomed,
)

_NO = frozenset(
    {"limit_reached", "sold_out", "not_open", "closed", "not_eligible", "blocked", "released"}
)


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise. `promise` is I1 to I6, I10, I12, `money`, or `told` for a tap that was never
    answered."""

    promise: str
    text: str


def check(history: History, final_state: FinalState) -> list[Violation]:
    """Return every promise that was broken; empty if all held."""
    return [
        Violation(promise, text) for promise, rule in _RULES for text in rule(history, final_state)
    ]


# --- I1 and I2: never more than the stock, never more than allowed -----------------------------------


def _stock(history: History, final_state: FinalState) -> Iterator[str]:
    live = [row for row in final_state.claims if row.state == "live"]
    told = {(one.drop_id, one.student) for one in _wins(history)}
    told -= {(one.drop_id, one.student) for one in history.of(ClaimTakenBack)}
    for drop in final_state.drops:
        quantity = drop.ledger.quantity
        rows = [row for row in live if row.drop_id == drop.id]
        units = Counter(row.unit for row in rows)
        winners = sum(drop_id == drop.id for drop_id, _ in told)
        if len(rows) > quantity or winners > quantity:
            yield f"{drop.id}: {len(rows)} live claims, {winners} told won, {quantity} units"
        yield from (f"{drop.id}: unit {unit} sold {n} times" for unit, n in units.items() if n > 1)
        yield from (f"{drop.id}: there is no unit {u}" for u in units if not 1 <= u <= quantity)
    for batch in final_state.batches:
        sold = sum(row.batch_id == batch.id for row in live)
        if max(sold, batch.allotted) > batch.quantity:
            yield f"{batch.id}: {sold} sold, {batch.allotted} allotted, {batch.quantity} there"


def _limits(_: History, final_state: FinalState) -> Iterator[str]:
    kept = [row for row in final_state.claims if row.state != "revoked"]
    of_drop = Counter((row.drop_id, row.student) for row in kept)
    of_batch = Counter((row.batch_id, row.student) for row in kept)
    limits = {batch.id: batch.per_student for batch in final_state.batches}
    for (drop_id, student), count in of_drop.items():
        if count > 1:
            yield f"{student} has {count} claims of {drop_id}"
    for (batch_id, student), count in of_batch.items():
        if count > limits[batch_id]:
            yield f"{student} has {count} claims of {batch_id}, allowed {limits[batch_id]}"


# --- I3: a confirmed coupon stays ---------------------------------------------------------------


def _kept(history: History, final_state: FinalState) -> Iterator[str]:
    codes = {(one.student, one.drop_id): one.code for one in final_state.coupons}
    for one in set(_without_time(history.of(Confirmed))):
        student, drop_id, code = one
        if codes.get((student, drop_id)) != code:
            found = codes.get((student, drop_id), "nothing")
            yield f"{student} was told {code} of {drop_id}; the ledger has {found}"
    live: dict[tuple[str, str], ClaimRow] = {
        (row.student, row.drop_id): row for row in final_state.claims if row.state == "live"
    }
    for won in {
        (w.student, w.drop_id, w.request_id, w.outcome): w for w in _wins(history)
    }.values():
        row = live.get((won.student, won.drop_id))
        if row is None:
            yield f"{won.student} was told {won.outcome} of {won.drop_id}: no claim in the ledger"
        elif won.outcome == "won" and row.request_id != won.request_id:
            yield (
                f"{won.student} was told won of {won.drop_id} for {won.request_id}; the ledger has "
                f"the claim of {row.request_id}"
            )


def _told_in_the_end(_: History, final_state: FinalState) -> Iterator[str]:
    """The desk and the instructor's list must call confirmed what the ledger has."""
    yield from (f"dead letter {claim_id}" for claim_id in final_state.dead_letters)
    codes = {one.claim_id: one.code for one in final_state.coupons}
    for drop in final_state.drops:
        for student, held in drop.desk.held.items():
            if held.state is not ClaimState.CONFIRMED:
                yield f"{student} has only {held.state} of {drop.id} on the desk"
            elif codes.get(held.claim_id, "no coupon").encode() not in held.coupon:
                yield f"{student}: desk and ledger have other coupons of {drop.id}"
        rows = sorted(
            r.student for r in final_state.claims if r.drop_id == drop.id and r.state == "live"
        )
        listed = sorted(name for name, state in drop.listed if state in ("confirmed", "redeemed"))
        if rows != listed:
            yield f"{drop.id}: the list of claims has {listed}, the ledger {rows}"


# --- I4: the same request, the same answer -------------------------------------------------------


def _repeated(history: History, _: FinalState) -> Iterator[str]:
    won_at: dict[tuple[str, str, str], int] = {}
    for one in _answers(history):
        request = (one.student, one.drop_id, one.request_id)
        if one.outcome == "won":
            won_at.setdefault(request, one.at)
        elif one.asked_at > won_at.get(request, one.at):
            yield f"{one.student} was told won of {one.drop_id}, then {one.outcome} ({one.way})"
    codes: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for student, drop_id, code in _without_time(history.of(Confirmed)):
        codes[student, drop_id].add(code)
    for (student, drop_id), given in codes.items():
        if len(given) > 1:
            yield f"{student} was given {len(given)} coupons of {drop_id}: {sorted(given)}"


def _created_once(history: History, final_state: FinalState) -> Iterator[str]:
    made = {drop.id: drop.key for drop in final_state.drops} | dict(final_state.given_up)
    yield from (f"{key} made {n} drops" for key, n in Counter(made.values()).items() if n > 1)
    calls = {call.number: call for call in history.of(ApiRequest) if call.what == "open"}
    told: defaultdict[str, set[str]] = defaultdict(set)
    for reply in history.of(ApiReply):
        if reply.verdict == "ok" and reply.number in calls:
            told[calls[reply.number].key].add(reply.said["id"])
    for key, ids in told.items():
        if len(ids) > 1:
            yield f"{key} was answered with {sorted(ids)}"
        yield from (f"{key} was told {i}, which is not there" for i in ids if made.get(i) != key)


def _remembered(history: History, _: FinalState) -> Iterator[str]:
    """A claim that was known before a connection opened must be in its welcome, if the welcome has the
    drop."""
    held: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for event in history.events:
        match event:
            case Answered(outcome="won" | "already_won") | Confirmed():
                held[event.student].setdefault(event.drop_id, event.at)
            case Welcomed():
                mine = held[event.student]
                for drop_id in event.drops:
                    known_at = mine.get(drop_id, event.since)
                    if known_at < event.since and drop_id not in event.claims:
                        yield f"{event.student} was welcomed without their claim of {drop_id}"
            case _:
                pass


# --- I5: a student who reconnects sees the same -------------------------------------------


def _screens(_: History, final_state: FinalState) -> Iterator[str]:
    for screen in final_state.screens:
        yield from screen_differences(screen)


def screen_differences(screen: Screen) -> Iterator[str]:
    for number, expected_views in enumerate(screen.expected_views, start=1):
        for line in _differences(screen.view, expected_views):
            yield f"{screen.student} beside one who joins at web{number}: {line}"


def _differences(view: StudentView, expected_views: StudentView) -> Iterator[str]:
    for what in ("drops", "claims"):
        mine, theirs = getattr(view, what), getattr(expected_views, what)
        for drop_id in sorted({*mine, *theirs}):
            if mine.get(drop_id) != theirs.get(drop_id):
                yield f"{what} {drop_id}: {mine.get(drop_id)} is not {theirs.get(drop_id)}"


def _feed_received(history: History, final_state: FinalState) -> Iterator[str]:
    """Each drop must reach everybody, on each connection once and in order.

    A frame must not repeat what the welcome has said, and another epoch must begin with a welcome.
    """
    position: dict[int, tuple[str, int]] = {}
    reached: defaultdict[str, set[str]] = defaultdict(set)
    for event in history.events:
        if isinstance(event, Welcomed):
            reached[event.student].update(event.drops)
            position[event.connection] = (event.epoch, event.offset)
        elif isinstance(event, FrameReceived):
            reached[event.student].add(event.drop_id)
            epoch, offset = position.get(event.connection, (event.epoch, 0))
            if epoch != event.epoch or event.offset <= offset:
                yield f"{event.student} was shown {event.word} {event.drop_id} again, or too late"
            position[event.connection] = (event.epoch, event.offset)
    opened = [drop for drop in final_state.drops if drop.ledger.live_claims]
    for screen in final_state.screens:
        for drop in opened:
            if drop.room == screen.room and drop.id not in reached[screen.student]:
                yield f"{screen.student} never heard of {drop.id}"


# --- I6: the counts ------------------------------------------------------------------------------


def _books(_: History, final_state: FinalState) -> Iterator[str]:
    for drop in final_state.drops:
        for book in (drop.desk, drop.ledger):
            try:
                book.check()
            except AssertionError as error:
                yield f"{drop.id}: {error}"
        if drop.difference:
            yield f"{drop.id}: the service itself sees a difference of {drop.difference}"
        yield from (f"{drop.id}: {text}" for text in _compared(drop, final_state))


def _compared(drop: FinalDrop, final_state: FinalState) -> Iterator[str]:
    desk, ledger = drop.desk, drop.ledger
    rows = {
        (row.id, row.student, row.unit)
        for row in final_state.claims
        if row.drop_id == drop.id and row.state == "live"
    }
    held = {(one.claim_id, student, one.unit) for student, one in desk.held.items()}
    if rows != held:
        yield f"only in the ledger {sorted(rows - held)}, only on the desk {sorted(held - rows)}"
    if ledger.state == "closed":
        if ledger.returned + ledger.live_claims != ledger.quantity:
            yield f"closed, and the units do not add up: {ledger}"
    elif desk.quantity != ledger.quantity or len(desk.free) + desk.never_taken != ledger.free:
        yield f"free on the desk {len(desk.free) + desk.never_taken}, in the ledger {ledger.free}"


# --- every tap is answered -----------------------------------------------------------------------------


def _answered(history: History, _: FinalState) -> Iterator[str]:
    known = {(a.student, a.drop_id, a.request_id) for a in _answers(history)}
    confirmed = {(one.student, one.drop_id) for one in history.of(Confirmed)}
    left: defaultdict[str, int] = defaultdict(int)
    for one in history.of(StudentLeft):
        left[one.student] = max(left[one.student], one.at)
    for tap in history.of(Tapped):
        request = (tap.student, tap.drop_id, tap.request_id)
        is_known = request in known or request[:2] in confirmed or left[tap.student] >= tap.at
        if not is_known:
            yield f"{tap.student} tapped {tap.drop_id} and was never answered"
    for answer in _answers(history):
        if answer.outcome not in _NO and answer.outcome not in WINS:
            yield f"{answer.student} was told {answer.outcome} of {answer.drop_id}"


def _answers(history: History) -> Iterator[Answered]:
    return (one for one in history.of(Answered) if one.outcome not in NOT_ANSWERS)


def _wins(history: History) -> Iterator[Answered]:
    return (one for one in history.of(Answered) if one.outcome in WINS)


def _without_time(told: Iterable[Confirmed]) -> Iterator[tuple[str, str, str]]:
    return ((one.student, one.drop_id, one.code) for one in told)


_Rule = Callable[[History, FinalState], Iterable[Any]]
_RULES: Sequence[tuple[str, _Rule]] = (
    ("I1", _stock),
    ("I2", _limits),
    ("I3", _kept),
    ("I3", _told_in_the_end),
    ("I4", _repeated),
    ("I4", _created_once),
    ("I5", _remembered),
    ("I5", _screens),
    ("I5", _feed_received),
    ("I6", _books),
    ("I10", issuances),
    ("I10", offers),
    ("I12", draws),
    ("I1", links),
    ("told", _answered),
    ("money", money),
)
