"""Checks a draw from its proof document alone: that nobody added, dropped, swapped or reordered an entry,
chose another seed, or changed the number of units.

Used by schools and by tests. Needs no server, and shares no code with it. Twin of `javascript/draws.js`;
`tests/contract/test_draws.py` compares both with the server. Decision 0052 of the server says what a draw
proves, and what it does not.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_STATES: Final = ("closed", "aborted")


def verify_draw(document: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a draw that is over; empty where everything is as it must be.

    The words: `unfinished` (there is nothing to check yet), `malformed`, `commitment`, `count`, `root`,
    `winners`. Keep the commitment of the card, and your receipt: only they tie this document to what you saw.
    """
    if document.get("state") not in _STATES:
        return ["unfinished"]
    try:
        seed = bytes.fromhex(document["seed"])
        leaves = [bytes.fromhex(leaf) for leaf in document["leaves"]]
        beacon = bytes.fromhex(document.get("beacon") or "")
        root, units, winners = document["root"], document["units"], document["winners"]
        key = draw_key(seed, bytes.fromhex(root), document["drop_id"], beacon)
    except (KeyError, TypeError, ValueError, AttributeError):
        return ["malformed"]
    wrong = []
    if hashlib.sha256(seed).hexdigest() != document.get("commitment"):
        wrong.append("commitment")
    if len(leaves) != document.get("count"):
        wrong.append("count")
    if merkle_root(leaves).hex() != root:
        wrong.append("root")
    is_aborted = document["state"] == "aborted"
    expected = [] if is_aborted else draw_order(key, len(leaves))[: max(0, int(units))]
    if list(winners) != expected:
        wrong.append("winners")
    return wrong


def receipt_leaf(receipt: Mapping[str, Any]) -> str:
    """Return the leaf that the parts of a receipt make, in hexadecimal digits."""
    names = ("drop_id", "pseudonym", "request_id", "entered_at", "client_random")
    text = "|".join(str(receipt.get(name)) for name in names)
    return hashlib.sha256(b"\x00" + text.encode()).hexdigest()


def verify_receipt(document: Mapping[str, Any], receipt: Mapping[str, Any]) -> bool:
    """Return whether the entry of this receipt is in the document, at its place and unchanged."""
    leaves, index = document.get("leaves") or [], receipt.get("index")
    if not isinstance(index, int) or not 0 <= index < len(leaves):
        return False
    is_same = document.get("drop_id") == receipt.get("drop_id")
    return is_same and leaves[index] == receipt_leaf(receipt) == receipt.get("leaf")


def draw_key(seed: bytes, root: bytes, drop_id: str, beacon: bytes = b"") -> bytes:
    """Return the key of the draw."""
    return hashlib.sha256(seed + root + beacon + drop_id.encode()).digest()


def draw_order(key: bytes, count: int) -> list[int]:
    """Return the indexes of all entries in the order of the draw: Fisher-Yates, forwards."""
    order, numbers = list(range(count)), _numbers(key)
    for place in range(count - 1):
        choices = count - place
        limit = 2**64 // choices * choices
        number = next(n for n in numbers if n < limit)
        at = place + number % choices
        order[place], order[at] = order[at], order[place]
    return order


def _numbers(key: bytes) -> Iterator[int]:
    counter = 0
    while True:
        digest = hmac.digest(key, counter.to_bytes(8, "big"), "sha256")
        yield int.from_bytes(digest[:8], "big")
        counter += 1


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over the leaves as in RFC 6962."""
    level = list(leaves)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
        level = above + level[len(above) * 2 :]
    return level[0] if level else hashlib.sha256(b"").digest()
