"""What a browser may do on our pages: the security headers of every page response.

Called by routes.py. Everything a page needs comes from this server; there is no inline script or
style, and only the embed page may stand in somebody else's frame.
"""

import base64
import hashlib
import re
from collections.abc import Sequence

_ORIGIN = re.compile(
    r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?"
)

# Code of the SDK and the pages' own files are the only scripts; the rest of a policy differs by page.
_FIXED = (
    "default-src 'self'",
    "base-uri 'none'",
    "object-src 'none'",
    "form-action 'self'",
    "require-trusted-types-for 'script'",
)


def checked_origins(origins: Sequence[str]) -> tuple[str, ...]:
    """The origins without a trailing slash. ValueError for anything that is not one: it would be
    copied into a header."""
    bare = tuple(origin.rstrip("/") for origin in origins)
    for origin in bare:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"not an origin: {origin!r}")
    return bare


def page_headers(
    origins: Sequence[str], public_url: str, *, framed: bool, style: str = ""
) -> dict[str, str]:
    """Return the headers of a page. `origins`: the school's own sites: coupon artwork may come from there,
    and `framed` pages may stand in their frames. `style`: the coupon card's sheet, which is an
    element in browsers without constructable sheets; it is known by its hash."""
    ancestors = " ".join(("'self'", *origins)) if framed else "'none'"
    policy = (
        *_FIXED,
        " ".join(("style-src 'self'", *_hash_of(style))),
        " ".join(("img-src 'self' data:", *origins)),
        " ".join(("connect-src 'self'", *_socket_origin(public_url))),
        f"frame-ancestors {ancestors}",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        # Tokens are in the fragment, which no referrer carries; the room's name need not travel either.
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "X-Content-Type-Options": "nosniff",
    }


def _hash_of(style: str) -> tuple[str, ...]:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (f"'sha256-{digest}'",) if style else ()


def _socket_origin(public_url: str) -> tuple[str, ...]:
    """Older Safari does not count ws: of the same host as 'self'."""
    found = _ORIGIN.match(public_url)
    return (found.group().replace("http", "ws", 1),) if found else ()
