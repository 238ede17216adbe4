"""A receipt is sound, and not after any change of it; Python and JavaScript say the same."""

import copy
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from client_sdk.python.receipts import verify_receipt
from server.core import merkle
from server.core.drops import receipts
from server.core.drops.receipts import SealableClaim, SealedClaim
from server.core.instants import to_text

ROOT = Path(__file__).parents[3]
DROP, KEY = "drp_1", b"k" * 32
MUTATIONS = 1_000


def a_receipt(count: int = 37, own: int = 12) -> dict[str, Any]:
    """Make the document of a drop of 40 units whose unit 2 was given twice."""
    held = [SealableClaim(f"clm_{n}", f"s{n}", n, n, True) for n in range(1, count + 1)]
    claims, came_back = receipts.in_order([*held, SealableClaim("clm_0", "s0", 2, 1, False)])
    leaves = receipts.leaves_of(DROP, KEY, claims)
    tree = merkle.Tree(leaves)
    seal = receipts.seal(
        drop_id=DROP,
        root=tree.root,
        count=len(leaves),
        stock=40,
        came_back=came_back,
        given_again=sum(one.turn > 1 for one in claims),
        closed_at=5_000,
        sealed_at=5_400,
        previous="ab" * 32,
    )
    document = {"drop_id": DROP, **seal.public, "closed_at": to_text(5_000)}
    document |= {"sealed_at": to_text(5_400), "leaves": [leaf.hex() for leaf in leaves]}
    return document | {"own": _own(claims[own], tree, leaves, own)} if count else document


def _own(claim: SealedClaim, tree: merkle.Tree, leaves: list[bytes], index: int) -> dict[str, Any]:
    return {
        "unit": claim.unit,
        "turn": claim.turn,
        "won_at": to_text(claim.won_at),
        "student": claim.student,
        "salt": receipts.salt_of(KEY, claim.claim_id),
        "leaf": leaves[index].hex(),
        "index": index,
        "path": [one.hex() for one in tree.path(index)],
    }


def mutated(document: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Return the document with one change: a value, an entry of a list, or a field that is left out."""
    changed = copy.deepcopy(document)
    target = changed["own"] if dice.random() < 0.5 else changed
    name = dice.choice([name for name in target if name != "own"])
    value = target[name]
    if dice.random() < 0.1 and name != "leaves":
        del target[name]
    elif isinstance(value, list):
        _change_list(value, dice)
    elif isinstance(value, int):
        target[name] = value + dice.choice((-1, 1, 7, 1_000))
    else:
        target[name] = _changed_text(value, dice)
    return changed


def _change_list(items: list[str], dice: random.Random) -> None:
    at, other = dice.sample(range(len(items)), 2)
    match dice.randrange(4):
        case 0:
            items[at] = _changed_text(items[at], dice)
        case 1:
            del items[at]
        case 2:
            items.insert(at, items[other])
        case _:
            items[at], items[other] = items[other], items[at]


def _changed_text(text: str, dice: random.Random) -> str:
    at = dice.randrange(len(text))
    letter = dice.choice([one for one in "0123456789abcdef" if one != text[at]])
    return text[:at] + letter + text[at + 1 :]


@pytest.mark.parametrize("own", [0, 1, 12, 36])
def test_a_receipt_is_sound(own: int) -> None:
    document = a_receipt(own=own)
    assert verify_receipt(document) is None
    assert verify_receipt(document, document["seal"]) is None
    assert document["own"]["turn"] == (2 if own == 1 else 1)


def test_a_drop_without_claims_has_a_receipt_too() -> None:
    empty = a_receipt(count=0)
    assert verify_receipt(empty) is None
    assert empty["root"] == merkle.EMPTY_ROOT.hex()


def test_any_change_is_noticed() -> None:
    dice, document = random.Random(7), a_receipt()
    missed = [
        change
        for _ in range(MUTATIONS)
        if verify_receipt(change := mutated(document, dice)) is None
    ]
    assert missed == []


def test_a_receipt_made_anew_is_noticed_by_whoever_heard_the_seal() -> None:
    told, forged = a_receipt()["seal"], a_receipt(count=36)
    assert verify_receipt(forged) is None
    assert verify_receipt(forged, told) == "told"


def test_more_claims_than_units_are_noticed() -> None:
    leaves = [merkle.leaf_hash(b"x")] * 41
    seal = receipts.seal(
        drop_id=DROP,
        root=merkle.root(leaves),
        count=41,
        stock=40,
        came_back=0,
        given_again=0,
        closed_at=1,
        sealed_at=2,
    )
    document = {"drop_id": DROP, **seal.public, "closed_at": to_text(1), "sealed_at": to_text(2)}
    assert verify_receipt(document) == "stock"


@pytest.mark.parametrize("what", [None, [], 7, "{}", {}, {"own": []}])
def test_what_is_no_receipt_is_told_so(what: object) -> None:
    assert verify_receipt(what) == "shape"


def test_both_languages_say_the_same() -> None:
    dice, sound = random.Random(11), a_receipt()
    documents = [sound, a_receipt(count=0), *(mutated(sound, dice) for _ in range(150))]
    script = (
        "import { verifyReceipt } from './client_sdk/javascript/receipts.js';"
        "let text = ''; for await (const part of process.stdin) text += part;"
        "const said = []; for (const one of JSON.parse(text)) said.push(await verifyReceipt(one));"
        "console.log(JSON.stringify(said));"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", script],
        input=json.dumps(documents),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout) == [verify_receipt(one) for one in documents]


@pytest.mark.parametrize(
    ("change", "status", "said"), [({}, 0, "sound: 37"), ({"count": 36}, 1, "seal")]
)
def test_the_command_says_whether_a_file_is_sound(
    tmp_path: Path, change: dict[str, int], status: int, said: str
) -> None:
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(a_receipt() | change))
    command = [sys.executable, "-m", "client_sdk", "verify-receipt", str(file)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, said in done.stdout) == (status, True)
