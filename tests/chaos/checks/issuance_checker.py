"""Checks promise I10: every student of an issuance has one outcome, whatever died, and coupons go by it.
Pure; for `checker.py`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.chaos.final_state import FinalState, IssuanceEnd
from tests.chaos.history import ApiReply, ApiRequest, History

_ENDS = ("done", "stopped", "undone")


def issuances(history: History, final_state: FinalState) -> Iterator[str]:
    for one in final_state.issuances:
        yield from _outcomes(one)
    yield from _asked_once(history, final_state)
    yield from _within_limits(final_state)


def _outcomes(one: IssuanceEnd) -> Iterator[str]:
    if one.state not in _ENDS:
        yield f"issuance {one.id} is still {one.state}"
    yield from (
        f"issuance {one.id}: {student} has no outcome"
        for student, outcome in one.outcomes.items()
        if outcome is None
    )
    issued = {student for student, outcome in one.outcomes.items() if outcome == "issued"}
    if (len(one.outcomes), len(issued)) != (one.asked, one.issued):
        yield f"issuance {one.id}: {one.issued} of {one.asked}, but {len(issued)} of {len(one.outcomes)}"
    has = Counter(student for student, _ in one.coupons)
    yield from (f"issuance {one.id}: {who} has {n} coupons" for who, n in has.items() if n > 1)
    if set(has) != issued:
        yield f"issuance {one.id}: only one of outcome and coupon for {sorted(set(has) ^ issued)}"


def _asked_once(history: History, final_state: FinalState) -> Iterator[str]:
    by_key: defaultdict[str, list[IssuanceEnd]] = defaultdict(list)
    for one in final_state.issuances:
        if one.key:  # an accepted offer makes one without a call of its own; other_ways_checker.py
            by_key[one.key].append(one)
    yield from (f"{key} made {len(n)} issuances" for key, n in by_key.items() if len(n) > 1)
    calls = {call.number: call for call in history.of(ApiRequest) if call.what == "give"}
    for reply in history.of(ApiReply):
        call = calls.get(reply.number)
        if call is None or reply.verdict != "ok":
            continue
        made = by_key[call.key][0] if by_key[call.key] else None
        if made is None or made.id != reply.said["id"]:
            yield f"{call.key} was told {reply.said['id']}, which is not there"
        elif set(made.outcomes) != set(call.about["students"]):
            yield f"{call.key} has other students than it was asked for"


def _within_limits(final_state: FinalState) -> Iterator[str]:
    """Claims and issued coupons count for the same limit (I2), and come from the same stock (I1)."""
    counted = Counter[tuple[str, str]](
        (row.batch_id, row.student) for row in final_state.claims if row.state != "revoked"
    )
    for one in final_state.issuances:
        counted.update((one.batch_id, who) for who, state in one.coupons if state != "revoked")
    limits = {batch.id: batch.per_student for batch in final_state.batches}
    for (batch_id, student), count in counted.items():
        if count > limits[batch_id]:
            yield f"{student} has {count} of {batch_id}, allowed {limits[batch_id]}"
