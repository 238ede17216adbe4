"""Both SDKs check a draw as the server makes it, and catch whoever touches it afterwards."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client_sdk.python.draws import verify_draw, verify_receipt
from server.core.draws.draw import key_of, order_of
from server.core.draws.entries import Entry
from server.core.drops.draw_cards import commitment_of
from server.core.merkle import root

SDK = Path(__file__).parents[2] / "client_sdk"
SEED, UNITS, COUNT = bytes(range(32)), 3, 11
Change = Callable[[dict[str, Any]], None]
ENTRIES = [Entry(n, f"{n:016x}", f"r{n}", 1_772_355_600_000 + n, f"{n:032x}") for n in range(COUNT)]


def proof(state: str = "closed") -> dict[str, Any]:
    leaves = [entry.leaf("drp_1") for entry in ENTRIES]
    sealed = root(leaves)
    winners = order_of(key_of(SEED, sealed, "drp_1"), COUNT)[:UNITS]
    return {
        "drop_id": "drp_1",
        "state": state,
        "commitment": commitment_of(SEED).hex(),
        "seed": SEED.hex(),
        "root": sealed.hex(),
        "count": COUNT,
        "units": UNITS,
        "leaves": [leaf.hex() for leaf in leaves],
        "winners": winners if state == "closed" else [],
    }


def in_javascript(documents: list[dict[str, Any]]) -> list[list[str]]:
    script = (
        "const { verifyDraw } = await import('./draws.js');"
        "const documents = JSON.parse(await new Response(process.stdin).text());"
        "console.log(JSON.stringify(await Promise.all(documents.map(verifyDraw))))"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", script],
        cwd=SDK / "javascript",
        input=json.dumps(documents),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    found: list[list[str]] = json.loads(done.stdout)
    return found


def reseal(draw: dict[str, Any]) -> None:
    """Make root and winners fit again, as an insider would who has changed the entries."""
    leaves = [bytes.fromhex(leaf) for leaf in draw["leaves"]]
    draw["root"], draw["count"] = root(leaves).hex(), len(leaves)
    key = key_of(bytes.fromhex(draw["seed"]), bytes.fromhex(draw["root"]), draw["drop_id"])
    draw["winners"] = order_of(key, len(leaves))[: draw["units"]]


def ghost(draw: dict[str, Any]) -> None:
    draw["leaves"].append("ab" * 32)


def dropped(draw: dict[str, Any]) -> None:
    del draw["leaves"][4]


def swapped(draw: dict[str, Any]) -> None:
    draw["leaves"][4] = "ab" * 32


def reordered(draw: dict[str, Any]) -> None:
    draw["leaves"][0], draw["leaves"][1] = draw["leaves"][1], draw["leaves"][0]


def other_seed(draw: dict[str, Any]) -> None:
    draw["seed"] = "00" * 32
    reseal(draw)


def more_units(draw: dict[str, Any]) -> None:
    draw["units"] += 1


def chosen_winner(draw: dict[str, Any]) -> None:
    draw["winners"][0] = next(n for n in range(COUNT) if n not in draw["winners"])


ATTACKS: list[tuple[Change, str]] = [
    (ghost, "root"),
    (dropped, "root"),
    (swapped, "root"),
    (reordered, "root"),
    (other_seed, "commitment"),
    (more_units, "winners"),
    (chosen_winner, "winners"),
]


def test_both_find_nothing_wrong_with_a_draw_as_it_was_made() -> None:
    documents = [proof(), proof("aborted")]
    assert [verify_draw(one) for one in documents] == in_javascript(documents) == [[], []]


def test_both_catch_every_change_of_a_document_and_name_it() -> None:
    changed = []
    for attack, _ in ATTACKS:
        draw = proof()
        attack(draw)
        changed.append(draw)
    found = [verify_draw(draw) for draw in changed]

    assert found == in_javascript(changed)
    assert all(word in said for said, (_, word) in zip(found, ATTACKS, strict=True))


@pytest.mark.parametrize("attack", [ghost, dropped, swapped, reordered])
def test_a_list_that_was_sealed_anew_has_another_root_than_the_room_was_told(
    attack: Change,
) -> None:
    draw = proof()
    told = draw["root"]
    attack(draw)
    reseal(draw)
    assert verify_draw(draw) == []  # it fits in itself
    assert draw["root"] != told


def test_a_draw_that_goes_on_or_is_broken_is_not_called_good() -> None:
    documents = [proof() | {"state": "drawing"}, proof() | {"seed": None}, proof() | {"root": "xy"}]
    found = [verify_draw(one) for one in documents]
    assert found == in_javascript(documents) == [["unfinished"], ["malformed"], ["malformed"]]


def test_a_receipt_proves_its_place_and_no_other() -> None:
    draw, receipt = proof(), ENTRIES[4].receipt("drp_1")
    assert verify_receipt(draw, receipt)
    assert not verify_receipt(draw, {**receipt, "index": 5})
    assert not verify_receipt(draw, {**receipt, "index": COUNT})
    assert not verify_receipt(draw, {**receipt, "client_random": "ff" * 16})
    assert not verify_receipt({**draw, "drop_id": "drp_2"}, receipt)
    dropped(draw)
    assert not verify_receipt(draw, receipt)
