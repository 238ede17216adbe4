"""Origins and hosts as browsers compare them: scheme, host and port, in any case and spelling.

Used by the gateway for each handshake. No function here raises: both headers are input from strangers.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

_HOST: Final = r"([A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{0,5}))?"
_AUTHORITY: Final = re.compile(_HOST)
_ORIGIN: Final = re.compile(rf"([Hh][Tt][Tt][Pp][Ss]?)://{_HOST}/?")
MAX_CHARS: Final = 300  # bounds the caches, whose keys come from strangers
_PORTS: Final = {"http": 80, "https": 443}
_DEFAULTS: Final = frozenset((80, 443))


class Authority(NamedTuple):
    """A host and port. `port` is None if the header names none."""

    host: str
    port: int | None


class Origin(NamedTuple):
    """The scheme, host and port of a page."""

    scheme: str
    host: str
    port: int

    @property
    def text(self) -> str:
        """The origin as a browser writes it, without the scheme's default port."""
        is_default = self.port == _PORTS[self.scheme]
        return f"{self.scheme}://{self.host}" + ("" if is_default else f":{self.port}")


def read_authority(text: str) -> Authority | None:
    """Read a `Host` header. Return None if it is not one."""
    return _read_authority(text) if len(text) <= MAX_CHARS else None


def read_origin(text: str) -> Origin | None:
    """Read an `Origin` header. Return None for `null` and for what no browser writes."""
    return _read_origin(text) if len(text) <= MAX_CHARS else None


# The students of a class send the same Host and the same Origin.
@lru_cache(maxsize=256)
def _read_authority(text: str) -> Authority | None:
    match = _AUTHORITY.fullmatch(text)
    return _authority(match[1], match[2]) if match is not None else None


@lru_cache(maxsize=256)
def _read_origin(text: str) -> Origin | None:
    match = _ORIGIN.fullmatch(text)
    found = _authority(match[2], match[3]) if match is not None else None
    if match is None or found is None:
        return None
    scheme = match[1].lower()
    return Origin(scheme, found.host, _PORTS[scheme] if found.port is None else found.port)


def is_own(origin: Origin, served: Authority, scheme: str | None) -> bool:
    """Return whether `origin` is the address that we are served under.

    `scheme` is how the browser reached us, if a proxy has said so. Behind a proxy that does not say it, the
    scheme is unknown: `Host` may have lost the default port, or have the other one. A page over http is not
    our own if the service is known to be reached over https.
    """
    if origin.host != served.host or (scheme == "https" and origin.scheme == "http"):
        return False
    # 80 and 443 count as one: a proxy may end TLS and pass the request on over http.
    if origin.port in _DEFAULTS:
        return served.port is None or served.port in _DEFAULTS
    return origin.port == served.port


def _authority(host: str, port: str | None) -> Authority | None:
    number = int(port) if port else None
    if number is not None and number > 65_535:
        return None
    name = host.lower().rstrip(".")
    return Authority(name, number) if name else None
