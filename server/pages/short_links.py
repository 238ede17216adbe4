"""Short links of the demo: `/s/7Q2K9XHD` redirects to a page with its token, on this machine only.

Called by routes.py. A token has 300 characters, and a terminal wraps such a link. The codes are new at each
start of `python -m server`; without it there are none.
"""

import hmac
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from server.demo_link import DemoLink

# After so many wrong codes somebody is guessing, and no code is accepted any more.
MAX_WRONG = 50
_FORWARDED = ("x-forwarded-for", "x-forwarded-host", "forwarded", "x-real-ip", "via")


class ShortLinks:
    """The codes of one process. They end when they expire, or after MAX_WRONG wrong ones."""

    def __init__(self, links: Sequence[DemoLink], now: Callable[[], float]) -> None:
        self._links = links
        self._now = now
        self._wrong = 0

    def visible_to(self, request: Request) -> Sequence[DemoLink]:
        """Return the links that a page may show to this client: none to another machine."""
        if not is_local(request) or self._wrong >= MAX_WRONG:
            return ()
        return [link for link in self._links if link.expires_at > self._now()]

    async def follow(self, request: Request) -> Response:
        """Redirect to the page with its token in the fragment, which is never sent to a server."""
        code = str(request.path_params["code"]).upper()
        live = self.visible_to(request)
        found = [link for link in live if hmac.compare_digest(link.code.encode(), code.encode())]
        if not found:
            self._wrong += bool(live)
            raise HTTPException(404)
        headers = {
            "Location": f"{found[0].path}#token={found[0].token}",
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        }
        return Response(status_code=303, headers=headers)


def is_local(request: Request) -> bool:
    """Return whether the client is on this machine, without a proxy in between.

    The Host is checked too: another site's name may resolve to this machine (DNS rebinding).
    """
    client = request.client.host if request.client else ""
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    is_proxied = any(name in request.headers for name in _FORWARDED)
    return _is_loopback(client) and (host == "localhost" or _is_loopback(host)) and not is_proxied


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
