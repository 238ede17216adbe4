"""The checker of draws, links and offers catches what it is for."""

from dataclasses import replace
from hashlib import sha256

from client_sdk.python.draws import draw_key, draw_order, merkle_root
from tests.chaos.checks.other_ways_checker import draws, links, offers
from tests.chaos.final_state import BatchEnd, DrawEnd, FinalState, OfferEnd
from tests.chaos.history import ApiReply, ApiRequest, History

SEED, LEAVES = bytes(32), [sha256(bytes([n])).digest() for n in range(3)]
ROOT = merkle_root(LEAVES)
WINNER = draw_order(draw_key(SEED, ROOT, "drp_1"), 3)[0]
NAMES = ("ann", "bob", "cyd")
DRAW = DrawEnd(
    "drp_1",
    {
        "drop_id": "drp_1",
        "state": "closed",
        "commitment": sha256(SEED).hexdigest(),
        "seed": SEED.hex(),
        "root": ROOT.hex(),
        "count": 3,
        "units": 1,
        "leaves": [leaf.hex() for leaf in LEAVES],
        "winners": [WINNER],
    },
    NAMES,
    (NAMES[WINNER],),
)
STATE = FinalState((), (), (), (), (), (), draws=(DRAW,))


def told(what: str, key: str, said: dict[str, object]) -> History:
    asked = ApiRequest(1, 1, "ann", what, key, {"student": "ann"})
    return History(events=[asked, ApiReply(2, 1, "ok", "", said)])


def test_a_draw_that_is_what_was_sealed_breaks_nothing() -> None:
    assert list(draws(told("look", "drp_1", {"root": ROOT.hex()}), STATE)) == []


def test_another_seal_another_seat_and_a_lost_entry_are_caught() -> None:
    receipt = {"index": 0, "drop_id": "drp_1"}
    other = replace(STATE, draws=(replace(DRAW, seated=()),))

    assert len(list(draws(told("look", "drp_1", {"root": "ab"}), STATE))) == 1
    assert len(list(draws(told("enter", "drp_1", {"receipt": receipt}), STATE))) == 1
    assert len(list(draws(History(), other))) == 1


def test_a_draw_that_never_opened_has_no_seal_and_no_entry() -> None:
    never_opened = replace(STATE, draws=())
    receipt = {"index": 0, "drop_id": "drp_1"}

    assert list(draws(told("look", "drp_1", {"state": "closed"}), never_opened)) == []
    assert list(draws(told("enter", "drp_1", {"outcome": "closed"}), never_opened)) == []
    assert len(list(draws(told("look", "drp_1", {"root": "ab"}), never_opened))) == 1
    assert len(list(draws(told("enter", "drp_1", {"receipt": receipt}), never_opened))) == 1


def test_a_win_of_a_link_without_a_claim_is_caught() -> None:
    state = replace(STATE, links={"drp_2": 1})
    assert len(list(links(told("claim", "drp_2", {"outcome": "won"}), state))) == 1
    assert list(links(told("claim", "drp_2", {"outcome": "sold_out"}), state)) == []


def test_an_offer_that_was_accepted_and_withdrawn_is_caught() -> None:
    offer = OfferEnd("ofr_1", "bat_1", "ann", "accepted", "usable")
    batch = BatchEnd("bat_1", 10, 1, 1)
    state = replace(STATE, batches=(batch,), offers=(offer,))

    assert list(offers(told("accept", "ofr_1", {}), state)) == []
    assert len(list(offers(told("withdraw", "ofr_1", {}), state))) == 1
    stuck = replace(state, batches=(replace(batch, allotted=2),))
    assert len(list(offers(History(), stuck))) == 1
