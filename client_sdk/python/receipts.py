"""Verifies the receipt of a drop, from the document alone: no server is asked, no key is needed.

Called by programs that check a receipt, and by `python -m client_sdk verify-receipt FILE`.
What a receipt proves, and what it does not, is in `PROTOCOL.md`. Twin of `javascript/receipts.js`; tests give
both the same documents.
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

_HASH: Final = re.compile("[0-9a-f]{64}")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_NUMBERS: Final = ("count", "stock", "came_back", "given_again")
_MOST: Final = 2**53  # whole numbers up to here are exact in JavaScript too


def verify_receipt(receipt: object, seal: str | None = None) -> str | None:
    """Return None where the receipt is sound, else the word for what is wrong.

    `seal` is the hash that the room or the event log was told; without it the receipt is only checked against
    itself. Words: `shape`, `seal`, `told` (another seal was told), `stock` (more claims than units), `unit`
    (no such unit), `leaf`, `path`, `leaves` (they do not give this root and count), `place` (the leaf at this
    place is another one).
    """
    if not isinstance(receipt, Mapping) or not _has_shape(receipt):
        return "shape"
    if _seal_of(receipt) != receipt["seal"]:
        return "seal"
    if seal is not None and seal != receipt["seal"]:
        return "told"
    if receipt["count"] > receipt["stock"]:
        return "stock"
    return _fault_of_own(receipt) or _fault_of_leaves(receipt)


def _fault_of_own(receipt: Mapping[str, Any]) -> str | None:
    own = receipt.get("own")
    if own is None:
        return None
    if not 1 <= own["unit"] <= receipt["stock"]:
        return "unit"
    if "salt" in own:
        name = sha256(f"{own['salt']}|{own['student']}".encode()).hexdigest()
        parts = (receipt["drop_id"], name, own["unit"], own["turn"], own["won_at"])
        text = "|".join(str(part) for part in parts)
        if sha256(b"\x00" + text.encode()).hexdigest() != own["leaf"]:
            return "leaf"
    path = [bytes.fromhex(one) for one in own["path"]]
    root = _root_of_path(bytes.fromhex(own["leaf"]), own["index"], receipt["count"], path)
    return None if root is not None and root.hex() == receipt["root"] else "path"


def _fault_of_leaves(receipt: Mapping[str, Any]) -> str | None:
    leaves, own = receipt.get("leaves"), receipt.get("own")
    if leaves is None:
        return None
    if len(leaves) != receipt["count"]:
        return "leaves"
    if _root([bytes.fromhex(one) for one in leaves]).hex() != receipt["root"]:
        return "leaves"
    return None if own is None or leaves[own["index"]] == own["leaf"] else "place"


def _root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of RFC 6962 over leaf hashes."""
    level = list(leaves)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [_node(left, right) for left, right in pairs]
        level = above + level[len(level) & ~1 :]
    return level[0] if level else sha256(b"").digest()


def _root_of_path(leaf: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a path leads to; None where it is too short, too long, or the place is none."""
    if index >= count:
        return None
    here, at, last = leaf, index, count - 1
    siblings = list(reversed(path))
    while last:
        if at & 1 or at < last:
            if not siblings:
                return None
            sibling = siblings.pop()
            here = _node(sibling, here) if at & 1 else _node(here, sibling)
        at, last = at >> 1, last >> 1
    return None if siblings else here


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _seal_of(receipt: Mapping[str, Any]) -> str:
    names = [*("drop_id", "root", *_NUMBERS, "closed_at", "sealed_at")]
    if receipt.get("previous") is not None:
        names.append("previous")
    return sha256("|".join(str(receipt[name]) for name in names).encode()).hexdigest()


def _has_shape(receipt: Mapping[Any, Any]) -> bool:
    own, leaves = receipt.get("own"), receipt.get("leaves")
    return (
        isinstance(receipt.get("drop_id"), str)
        and all(map(_is_hash, (receipt.get("root"), receipt.get("seal"))))
        and all(_is_number(receipt.get(name)) for name in _NUMBERS)
        and (receipt.get("previous") is None or _is_hash(receipt["previous"]))
        and _is_instant(receipt.get("closed_at"))
        and _is_instant(receipt.get("sealed_at"))
        and (own is None or (isinstance(own, Mapping) and _has_own_shape(own)))
        and (leaves is None or _are_hashes(leaves))
    )


def _has_own_shape(own: Mapping[Any, Any]) -> bool:
    names = [isinstance(own.get(name), str) for name in ("student", "salt")]
    return (
        all(map(_is_number, (own.get("unit"), own.get("turn"), own.get("index"))))
        and _is_instant(own.get("won_at"))
        and _is_hash(own.get("leaf"))
        and _are_hashes(own.get("path"))
        and (all(names) or not ("student" in own or "salt" in own))
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def _is_instant(value: object) -> bool:
    return isinstance(value, str) and _INSTANT.fullmatch(value) is not None


def _are_hashes(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_hash, value))
