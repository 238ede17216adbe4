"""URLs: the links that a template may have, read as browsers read them, by a parser of the WHATWG standard.

Used by `template_rules`, and by `webhooks` for the addresses of receivers. Pages give a link to `new URL`,
which throws if it is not one: an address that the server takes and a browser does not would break the page
that shows it.
"""

import re
from typing import Final

import can_ada

# Browsers drop tabs and line ends from addresses and read \ as /, so that a link could lead elsewhere than it
# looks.
_NOT_IN_URL: Final = re.compile(r"[\s\\\x00-\x20\x7f]")
_HTTPS: Final = re.compile(r"https://[^/?#]", re.IGNORECASE)
_CREDENTIALS: Final = re.compile(r"https://[^/?#]*@", re.IGNORECASE)


def can_be_read(text: str) -> bool:
    """Return whether every program reads this address alike: no spaces, no control characters, and a host
    that browsers take."""
    return not _NOT_IN_URL.search(text) and can_ada.can_parse(text)


def url_fault(text: str) -> str | None:
    """Return `not_a_url` or `credentials`; None for a good link.

    Good links are https with a host that a browser takes, and paths on the school's own pages. So no link
    runs a script, goes over http, or has a password in it.
    """
    if _NOT_IN_URL.search(text):
        return "not_a_url"
    if text.startswith("/") and not text.startswith("//"):
        return None
    if _CREDENTIALS.match(text):
        return "credentials"
    is_good = _HTTPS.match(text) and can_ada.can_parse(text)
    return None if is_good else "not_a_url"
