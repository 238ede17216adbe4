"""Parse the text of a variable into its value. Used by `server.configuration.setting_variables` only; knows
no names.

Each parser raises a ValueError whose text continues the sentence "<variable> ..." and never quotes a secret.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable
from datetime import time
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from server.configuration import redis_urls, service_urls

SECRET_CHARS = 32
MAX_REMINDERS = 2  # of one coupon
MAX_HOURS_BEFORE = 30 * 24
_DISTINCT_CHARS = 8
# Secrets that are long enough for the length check, but printed in tutorials.
_PUBLISHED_SECRETS = frozenset(
    {
        "a-string-secret-at-least-256-bits-long",
        "your-256-bit-secret-your-256-bit-secret",
        "your-super-secret-and-long-jwt-secret",
        "my-super-secret-key-that-nobody-knows",
        "this-is-a-very-secret-key-change-me",
        "changemechangemechangemechangeme",
        "0123456789abcdef0123456789abcdef",
        "01234567890123456789012345678901",
        "12345678901234567890123456789012",
        "abcdefghijklmnopqrstuvwxyz012345",
        "abcdefghijklmnopqrstuvwxyz123456",
        "supersecretsupersecretsupersecret",
    }
)


def redis_url(text: str) -> str | None:
    return redis_urls.redis_url(text) if text else None


def database_url(text: str) -> str | None:
    return service_urls.database_url(text) if text else None


def data_dir(text: str) -> Path:
    return Path(text).expanduser().absolute()


def secrets(text: str) -> tuple[str, ...]:
    secrets = tuple(part.strip() for part in text.split(",")) if text else ()
    for number, secret in enumerate(secrets, 1):
        which = f"(number {number} of {len(secrets)}) " if len(secrets) > 1 else ""
        if len(secret) < SECRET_CHARS:
            raise ValueError(f"{which}must have at least {SECRET_CHARS} characters")
        if secret.lower() in _PUBLISHED_SECRETS or len(set(secret)) < _DISTINCT_CHARS:
            raise ValueError(f"{which}is a known or guessable value; make a random one")
    return secrets


def host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:_%-]+", text):
        raise ValueError("must be an address or a host name")
    return text


def whole_number(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return parse


def public_url(text: str) -> str | None:
    return _origin(text) if text else None


def login_url(text: str) -> str | None:
    """Parse a URL without a fragment, because `return=` is appended to its query."""
    if not text:
        return None
    wrong = f"must look like https://school.example/sign-in, not {text!r}"
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        raise ValueError(wrong) from None
    is_plain = text.isascii() and text.isprintable() and not set(text) & set(" \"'<>\\")
    is_named = url.scheme in ("http", "https") and url.hostname and url.username is None
    if not is_plain or not is_named or url.fragment:
        raise ValueError(wrong)
    return text


def channels(text: str) -> frozenset[str] | None:
    """Parse a list of channels; `all`: None, `none`: an empty one."""
    if text == "all":
        return None
    return frozenset() if text == "none" else frozenset(_parts(text))


def origins(text: str) -> tuple[str, ...]:
    return tuple(_origin(part) for part in _parts(text))


def _origin(text: str) -> str:
    """Return the origin as browsers write it in `Origin`: lower case, no path, no default port."""
    wrong = f"must look like https://school.example, not {text!r}"
    try:
        url = urlsplit(text.lower())
        port = url.port
    except ValueError:
        raise ValueError(wrong) from None
    if url.scheme not in ("http", "https") or not url.hostname or url.username is not None:
        raise ValueError(wrong)
    if url.path not in ("", "/") or url.query or url.fragment:
        raise ValueError(wrong)
    name = url.hostname.rstrip(".")
    host = f"[{name}]" if ":" in name else name
    is_default = port in (None, {"http": 80, "https": 443}[url.scheme])
    return f"{url.scheme}://{host}" if is_default else f"{url.scheme}://{host}:{port}"


def proxies(text: str) -> tuple[str, ...]:
    proxies = tuple(_parts(text))
    for proxy in proxies:
        try:
            if proxy != "*":
                ipaddress.ip_network(proxy)
        except ValueError:
            raise ValueError(f"must list addresses or networks, or be *, not {proxy!r}") from None
    return proxies


def time_zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"must be an IANA time zone like Asia/Shanghai, not {text!r}") from None


def key_prefix(text: str) -> str:
    # Braces would change the keys' hash tags, and a colon separates the prefix from the rest of a key.
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,32}", text):
        raise ValueError("must be 1 to 32 letters, digits, dots, dashes or underscores")
    return text


def flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("must be 0 or 1")
    return text == "1"


def optional_flag(text: str) -> bool | None:
    """Return the flag, or None where it is not set: then the command decides."""
    return flag(text) if text else None


def one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be {_one_of(words)}")
        return text

    return parse


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _one_of(words: Iterable[str]) -> str:
    *others, last = list(words)
    return f"{', '.join(others)} or {last}"


def hours_of_day(text: str) -> tuple[time, time] | None:
    """Parse `21:30-08:30`; `none` is no hours at all."""
    if text == "none":
        return None
    wrong = f"must look like 21:30-08:30, or be none, not {text!r}"
    found = re.fullmatch(r"([0-9]{2}:[0-9]{2})-([0-9]{2}:[0-9]{2})", text)
    if found is None:
        raise ValueError(wrong)
    try:
        first, last = time.fromisoformat(found[1]), time.fromisoformat(found[2])
    except ValueError:
        raise ValueError(wrong) from None
    if first == last:
        raise ValueError(wrong)
    return first, last


def hours_before(text: str) -> tuple[int, ...]:
    """Parse a comma list of at most two numbers of hours, such as `72,24`; `none` is an empty one."""
    if text == "none":
        return ()
    parts = _parts(text)
    is_good = all(re.fullmatch(r"[0-9]{1,3}", part) for part in parts)
    hours = tuple(sorted({int(part) for part in parts}, reverse=True)) if is_good else ()
    if (
        not 1 <= len(hours) <= MAX_REMINDERS
        or not 1 <= min(hours) <= max(hours) <= MAX_HOURS_BEFORE
    ):
        raise ValueError(f"must be at most {MAX_REMINDERS} numbers of hours like 72,24, or none")
    return hours


def smtp_url(text: str) -> str | None:
    if not text:
        return None
    wrong = "must look like smtp://user:password@mail.school.example:587 or smtps://…"
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        raise ValueError(wrong) from None
    if url.scheme not in ("smtp", "smtps") or not url.hostname or url.path.strip("/") or url.query:
        raise ValueError(wrong)
    return text


def traces_url(text: str) -> str | None:
    if not text:
        return None
    wrong = "must look like http://collector:4318/v1/traces"
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        raise ValueError(wrong) from None
    if url.scheme not in ("http", "https") or not url.hostname or url.fragment:
        raise ValueError(wrong)
    return text


def ratio(text: str) -> float:
    if not re.fullmatch(r"0(\.\d{1,6})?|1(\.0{1,6})?", text):
        raise ValueError("must be a number from 0 to 1")
    return float(text)


def mail_address(text: str) -> str | None:
    if not text:
        return None
    if not re.fullmatch(r"(?:[^<>@\r\n]{0,60}<)?[^\s<>@,]{1,64}@[^\s<>@,]{1,255}>?", text):
        raise ValueError("must be an address like Coupons <coupons@school.example>")
    return text
