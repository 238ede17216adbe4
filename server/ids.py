"""Makes the ids of everything that is created: `drp_0k3v9xq2mw7c…`.

Called by whoever creates a thing (flows, the claim desk). A leaf: imports nothing of ours.
`core` never calls it: pure rules get their ids as arguments.
"""

import secrets
import time
from typing import Literal

Kind = Literal["tpl", "cmp", "bat", "drp", "clm", "cpn", "rdm", "alt", "int", "gwy", "wrk"]

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: sorts as its number does
_TIME_DIGITS = 9  # 45 bits of milliseconds: until the year 3084
_RANDOM_DIGITS = 13  # 65 bits


def new_id(kind: Kind) -> str:
    """26 characters that sort by the millisecond they were made in, so that "newest first" is an
    index scan and a cursor is the last id of a page."""
    number = (time.time_ns() // 1_000_000) << (5 * _RANDOM_DIGITS) | secrets.randbits(
        5 * _RANDOM_DIGITS
    )
    digits = [
        _DIGITS[number >> shift & 31]
        for shift in range(5 * (_TIME_DIGITS + _RANDOM_DIGITS - 1), -1, -5)
    ]
    return f"{kind}_{''.join(digits)}"


def new_claim_stem() -> str:
    """What the ids of the claims of one script call begin with; the script adds the claim's number in
    the call. One is made for 500 taps, most of which win nothing."""
    return "clm_" + secrets.token_hex(11)
