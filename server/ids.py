"""Makes the ids of everything that is created: `drp_0k3v9xq2mw7c…`.

Called by whoever creates a thing (flows, the claim desk). A leaf: imports nothing of ours.
`core` never calls it: pure rules get their ids as arguments.
"""

import secrets
import time
from base64 import b32encode
from typing import Literal

Kind = Literal["tpl", "cmp", "bat", "drp", "clm", "cpn", "rdm", "alt", "int", "gwy", "wrk"]

# RFC 4648's digits -> Crockford's, which sort as their numbers do.
_CROCKFORD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789abcdefghjkmnpqrstvwxyz")
_TIME_DIGITS = 9  # 45 bits of milliseconds: until the year 3084
_RANDOM_DIGITS = 13  # 65 bits


def new_id(kind: Kind) -> str:
    """26 characters that sort by the millisecond they were made in, so that "newest first" is an
    index scan and a cursor is the last id of a page."""
    number = (time.time_ns() // 1_000_000) << (5 * _RANDOM_DIGITS) | secrets.randbits(
        5 * _RANDOM_DIGITS
    )
    # Base 32 comes in groups of 8 digits: two more than are wanted.
    in_base_32 = b32encode((number << 10).to_bytes(15)).decode()
    return f"{kind}_{in_base_32[: _TIME_DIGITS + _RANDOM_DIGITS].translate(_CROCKFORD)}"


def new_claim_stem() -> str:
    """What the ids of the claims of one script call begin with; the script adds the claim's number in
    the call. One is made for 500 taps, most of which win nothing."""
    return "clm_" + secrets.token_hex(11)
