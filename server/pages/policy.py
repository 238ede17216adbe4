"""The security headers of the pages, the content security policy above all.

Called by routes.py. A page loads everything from this server and has no inline script or style. Only the
embed page may be in a frame of another site.
"""

import base64
import hashlib
import re
from collections.abc import Sequence

_ORIGIN = re.compile(
    r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?"
)

# Scripts come only from the SDK and the pages' own files. The other directives differ by page.
_FIXED = (
    "default-src 'self'",
    "base-uri 'none'",
    "object-src 'none'",
    "form-action 'self'",
    "require-trusted-types-for 'script'",
)


def checked_origins(origins: Sequence[str]) -> tuple[str, ...]:
    """Return the origins without a trailing slash.

    Raises ValueError for a text that is not an origin, because it would be copied into a header.
    """
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
        # A referrer never has the fragment with the token; this hides the room's name from other sites too.
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "X-Content-Type-Options": "nosniff",
    }


def _hash_of(style: str) -> tuple[str, ...]:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (f"'sha256-{digest}'",) if style else ()


def _socket_origin(public_url: str) -> tuple[str, ...]:
    """Return our origin with ws:, because older Safari does not treat it as 'self'."""
    found = _ORIGIN.match(public_url)
    return (found.group().replace("http", "ws", 1),) if found else ()
