"""Makes the ids of everything that is created: `drp_0k3v9xq2mw7c…`.

Called by flows, the claim desk and the composition roots. A leaf: imports nothing of ours. `core` must not
call it: pure rules get their ids as arguments.
"""

import secrets
import time
from base64 import b32encode
from collections.abc import Iterator
from typing import Literal

Kind = Literal[
    "tpl",
    "cmp",
    "bat",
    "drp",
    "clm",
    "cpn",
    "rdm",
    "alt",
    "int",
    "gwy",
    "wrk",
    "act",
    "rbt",
    "bal",
    "run",
    "evt",
    "whk",
    "dlv",
    "msg",
    "job",
    "era",
    "blk",
    "rev",
    "ins",
    "wch",
    "iss",
    "aud",
    "lst",
    "trg",
    "drv",
    "imp",
    "pck",
    "lnk",
    "lot",
    "spn",
    "inv",
    "ofr",
    "ofg",
    "alr",
    "prl",
    "exp",
    "apv",
    "ups",
]

# RFC 4648's digits -> Crockford's, which sort as their numbers do.
_CROCKFORD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789abcdefghjkmnpqrstvwxyz")
_TIME_DIGITS = 9  # 45 bits of milliseconds: until the year 3084
_WITHIN_DIGITS = 2  # 10 bits: the microsecond within that millisecond
_RANDOM_DIGITS = 11  # 55 bits


def new_slug() -> str:
    """Return the name of a link in its address: 10 characters, 50 random bits."""
    return b32encode(secrets.token_bytes(7)).decode()[:10].translate(_CROCKFORD)


def new_id(kind: Kind) -> str:
    """Return an id that sorts by the microsecond in which it was made: "newest first" is then an index scan,
    and the cursor of a page is its last id. Form: the kind, `_`, and 22 characters.

    Making one takes 4 us, so two that one thread makes one after the other sort in this order.
    """
    return next(new_ids(kind, 1))


def new_ids(kind: Kind, count: int) -> Iterator[str]:
    """Yield `count` ids of one kind and one microsecond, in no order. A drop's winners need thousands: made
    together they take 0.3 us each, where `new_id` takes 4."""
    moment_us = time.time_ns() // 1000
    moment = f"{kind}_{_digits_of(moment_us // 1000, moment_us % 1000)}"
    # 5 random bytes are 8 digits; a few are left over.
    length = count * _RANDOM_DIGITS
    digits = b32encode(secrets.token_bytes((length + 7) // 8 * 5)).decode().translate(_CROCKFORD)
    for start in range(0, length, _RANDOM_DIGITS):
        yield moment + digits[start : start + _RANDOM_DIGITS]


def lowest_id(kind: Kind, moment_ms: int) -> str:
    """Return a text below all ids of this kind that are made from `moment_ms` on, and above older ones."""
    return f"{kind}_{_digits_of(max(0, moment_ms), 0)}"


def _digits_of(moment_ms: int, microsecond: int) -> str:
    # 9 digits of 5 bits and 2 more, in front of 25 bits that fill 10 bytes up.
    in_base_32 = b32encode((moment_ms << 35 | microsecond << 25).to_bytes(10)).decode()
    return in_base_32[: _TIME_DIGITS + _WITHIN_DIGITS].translate(_CROCKFORD)


def new_claim_stem() -> str:
    """Return the beginning of the claim ids of one script call; the script appends the claim's number in the
    call. One is made for up to 500 taps, most of which win nothing."""
    return "clm_" + secrets.token_hex(11)


def new_seed() -> bytes:
    """Return the 32 secret bytes to which a draw is committed."""
    return secrets.token_bytes(32)


def new_pseudonym() -> str:
    """Return the name that an entry of a draw has in its leaf: 16 hexadecimal digits."""
    return secrets.token_hex(8)


def new_client_random() -> str:
    """Return the random digits of an entry whose client sent none: 32 hexadecimal digits."""
    return secrets.token_hex(16)
