"""The prefix of the codes of a batch: which texts may be one. Codes are made in `core/coupons/codes.py`."""

import re
from functools import lru_cache

_PREFIX = re.compile(r"[A-Z0-9]{0,12}")


@lru_cache(maxsize=1_024)
def is_prefix(text: str) -> bool:
    """Up to 12 capitals and digits; look-alikes are welcome, a prefix is a word."""
    return _PREFIX.fullmatch(text) is not None
