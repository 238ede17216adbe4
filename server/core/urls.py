"""Which links a template may have: read as browsers read them, by the parser of the WHATWG's standard.

Asked by `template_rules`. Pages give a link to `new URL`, which throws where it cannot be one: an address
that the server takes and a browser does not would break the page that shows it.
"""

import re
from typing import Final

import can_ada

# Browsers drop tabs and line ends from addresses and read \ as /: what looks like one thing may be another.
_NOT_IN_URL: Final = re.compile(r"[\s\\\x00-\x20\x7f]")
_HTTPS: Final = re.compile(r"https://[^/?#]", re.IGNORECASE)
_CREDENTIALS: Final = re.compile(r"https://[^/?#]*@", re.IGNORECASE)


def url_fault(text: str) -> str | None:
    """`not_a_url` or `credentials`; None for https with a host that a browser takes, and for a path of the
    school's own pages: nothing that runs, nothing in the clear, nobody's password.
    """
    if _NOT_IN_URL.search(text):
        return "not_a_url"
    if text.startswith("/") and not text.startswith("//"):
        return None
    if _CREDENTIALS.match(text):
        return "credentials"
    is_good = _HTTPS.match(text) and can_ada.can_parse(text)
    return None if is_good else "not_a_url"
