"""Code prefixes: which texts may stand before the codes of a batch. Codes are made in
`core/coupons/codes.py`.
"""

import re
from functools import lru_cache

_PREFIX = re.compile(r"[A-Z0-9]{0,12}")


@lru_cache(maxsize=1_024)
def is_prefix(text: str) -> bool:
    """Return whether the text may be a prefix: up to 12 capitals and digits, look-alikes among them."""
    return _PREFIX.fullmatch(text) is not None
