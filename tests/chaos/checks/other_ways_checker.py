"""Checks draws, links and offers: promise I12, that what was sealed is what was drawn, and the counts of the
others. Pure; for `checker.py`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from client_sdk.python.draws import receipt_leaf, verify_draw
from tests.chaos.final_state import DrawEnd, FinalState
from tests.chaos.history import ApiReply, ApiRequest, History

_WINS = ("won", "already_won")


def draws(history: History, final_state: FinalState) -> Iterator[str]:
    """Each draw proves itself and is the one that was sealed, whoever was told that they are in is in it, and
    its seats are its winners'."""
    documents = {one.drop_id: one.document for one in final_state.draws}
    for one in final_state.draws:
        yield from _proven(one)
    # A drop whose opening was given up never was a draw: it has no document, and nobody may have seen one.
    for call, reply in _replies(history, "look"):
        root, final = reply.said.get("root"), documents.get(call.key, {}).get("root")
        if root is not None and root != final:
            yield f"draw {call.key} was sealed as {root}, and is published as {final}"
    for call, reply in _replies(history, "enter"):
        receipt = reply.said.get("receipt")
        if receipt is None:
            continue
        leaves, index = documents.get(call.key, {}).get("leaves", []), receipt["index"]
        if leaves[index : index + 1] != [receipt_leaf(receipt)]:
            yield f"{call.about['student']} is not in draw {call.key} as they were told"


def _proven(one: DrawEnd) -> Iterator[str]:
    yield from (f"draw {one.drop_id}: {line}" for line in verify_draw(one.document))
    winners = sorted(one.entrants[index] for index in one.document["winners"])
    if sorted(one.seated) != winners:
        yield f"draw {one.drop_id}: seats {sorted(one.seated)}, drawn {winners}"


def links(history: History, final_state: FinalState) -> Iterator[str]:
    """A link gives no more than it has, and whoever was told so has its coupon."""
    live: defaultdict[str, list[str]] = defaultdict(list)
    for row in final_state.claims:
        if row.state == "live":
            live[row.drop_id].append(row.student)
    for drop_id, quantity in final_state.links.items():
        if len(live[drop_id]) > quantity:
            yield f"link of {drop_id}: {len(live[drop_id])} claims of {quantity} units"
    for call, reply in _replies(history, "claim"):
        if reply.said.get("outcome") in _WINS and call.about["student"] not in live[call.key]:
            yield f"{call.about['student']} was told won of the link of {call.key}"


def offers(history: History, final_state: FinalState) -> Iterator[str]:
    """An offer ends in one way, and its unit is where that says."""
    states = {one.id: one for one in final_state.offers}
    wanted = {"accept": "accepted", "decline": "declined", "withdraw": "withdrawn"}
    for what, state in wanted.items():
        for call, _ in _replies(history, what):
            if states[call.key].state != state:
                yield f"offer {call.key}: told {state}, and it is {states[call.key].state}"
    held = Counter[str]()
    for one in final_state.offers:
        if (one.state == "accepted") != (one.coupon_state is not None):
            yield f"offer {one.id} is {one.state}, its coupon {one.coupon_state}"
        held[one.batch_id] += one.state in ("offered", "seen", "accepted")
    for batch in final_state.batches:
        if batch.id in held and batch.allotted != held[batch.id]:
            yield f"{batch.id}: {batch.allotted} units kept for {held[batch.id]} offers"


def _replies(history: History, what: str) -> Iterator[tuple[ApiRequest, ApiReply]]:
    """Yield the calls that were done, with their answers."""
    calls = {call.number: call for call in history.of(ApiRequest) if call.what == what}
    for reply in history.of(ApiReply):
        if reply.number in calls and reply.verdict == "ok":
            yield calls[reply.number], reply
