"""Webhooks: their states, when a call that failed is made again, and which receivers are allowed.

Used by the flows of webhooks and by the worker that sends. Signing is the `standardwebhooks` library's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

import can_ada

from server.core.urls import can_be_read

MAX_WEBHOOKS: Final = 50  # each has a task of its own in a worker
MAX_BATCH: Final = 500
MAX_REPLAYED: Final = 1_000_000  # events of one request
BOTH_SIGN_MS: Final = 86_400_000
KEPT_MS: Final = 30 * 86_400_000  # of deliveries, and of the queue of a webhook that is paused

# Standard Webhooks' schedule. The wait after the first failure in a row, the second, …
_SECOND: Final = 1_000
_HOUR: Final = 3_600 * _SECOND
RETRY_MS: Final = (
    *(5 * _SECOND, 300 * _SECOND, 1_800 * _SECOND, 2 * _HOUR, 5 * _HOUR),
    *(10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR),
)
_JITTER: Final = 0.2  # so that receivers that failed together are not called together
_LONGEST_WISH_MS: Final = 24 * _HOUR  # of a receiver's Retry-After


class WebhookState(StrEnum):
    """The part of the events that goes out: all, none until an operator resumes it, or none since the
    webhook was given up."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class DisabledReason(StrEnum):
    """Why a webhook was disabled: by whom, and for what."""

    GONE = "gone"  # the receiver answered 410
    FAILED_FOR_DAYS = "failed_for_days"
    PAUSED_TOO_LONG = "paused_too_long"  # for 30 days: events it has not seen may be gone soon


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver, with its position: the number of the last event that is done. Instants are in ms.

    `sending_until` is the last number of a call that failed, which is repeated as it was. `failures` counts
    those in a row. Secrets are not in the repr.
    """

    id: str
    url: str
    types: tuple[str, ...] | None
    batch: bool
    state: WebhookState
    reason: str | None
    secret: str = field(repr=False)
    old_secret: str | None = field(repr=False)
    old_secret_until: int | None
    position: int
    sending_until: int | None
    failures: int
    failing_since: int | None
    next_try_at: int
    paused_at: int | None
    metadata: Mapping[str, str]
    created_by: str
    created_at: int

    def secrets(self, now: int) -> tuple[str, ...]:
        """Return the secrets that sign now: the old one too, for a day after a rotation."""
        is_old_good = self.old_secret_until is not None and now < self.old_secret_until
        old = (self.old_secret,) if self.old_secret is not None and is_old_good else ()
        return (self.secret, *old)


def next_try_at(failures: int, now: int, chance: float, wish_ms: int | None) -> int | None:
    """Return when (ms) to call again after this many failures in a row; None: give up.

    `chance` is a random number from 0 to 1. `wish_ms`: the receiver's Retry-After, if it sent one; it only
    makes a wait longer.
    """
    if failures > len(RETRY_MS):
        return None
    usual = RETRY_MS[failures - 1]
    wait = usual + int(usual * _JITTER * chance)
    return now + max(wait, min(wish_ms or 0, _LONGEST_WISH_MS))


def url_fault(url: str, *, allows_private: bool) -> str | None:
    """Return the code of what is wrong with a receiver's address, else None.

    `https_required`: plain http is for receivers on the school's own network. `private_address`: an address
    that says so by itself; names are looked up before each call. No address has a user, a password or a
    fragment.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "not_a_url"
    has_user = parts.username is not None or parts.password is not None
    is_odd = has_user or parts.fragment or port == 0 or not can_be_read(url)
    if parts.scheme not in ("http", "https") or not host or is_odd or not url.isascii():
        return "not_a_url"
    if allows_private:
        return None
    if parts.scheme != "https":
        return "https_required"
    # As it is meant: 127.1 and 0x7f000001 are 127.0.0.1.
    meant = urlsplit(can_ada.parse(url).href).hostname
    return "private_address" if _says_private(meant or host) else None


def _says_private(host: str) -> bool:
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not is_public(name)
    except ValueError:
        return False  # a name


def is_public(address: str) -> bool:
    """Return whether this IP address is one of the open internet. ValueError: it is no address.

    An IPv6 address that carries an IPv4 one is as public as that.
    """
    found = ip_address(address)
    if isinstance(found, IPv6Address):
        inner = _carried(found)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast


def _carried(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that a mapped, 6to4 or NAT64 address leads to."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if int(address) >> 32 == _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


_NAT64: Final = int(IPv6Address("64:ff9b::")) >> 32
