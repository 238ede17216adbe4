"""Validate the URL of the database before a connection is made, and find files and passwords in any URL.

Called by `setting_parsers`, by `ledger.engine` (`postgresql_address`) and by `commands.preflight`
(`named_files`). A leaf: connects to nothing and reads no file. The URLs of Redis are in `redis_urls`.

Hosting companies give out URLs with options of libpq or redis-py. A table for each lists the known options.
Unknown ones are refused here, because the drivers raise a traceback for them or send them to the server as a
setting.
"""

import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from server.configuration.redis_urls import REDIS_TLS
from server.configuration.url_parts import (
    FILE,
    MAX_PORT,
    TEXT,
    Option,
    check_hosts,
    check_options,
    is_port,
    one_of,
    pairs,
    parts,
    split,
)

_MAX_CONNECT_SECONDS: Final = 60
_TLS_VERSION: Final = one_of("TLSv1.2", "TLSv1.3")

# Names and values are those of libpq. `connect_timeout` is a number of seconds; 0 means our own.
_POSTGRESQL: Final[Mapping[str, Option]] = {
    "application_name": TEXT,
    "channel_binding": one_of("disable", "prefer", "require"),
    "connect_timeout": Option(
        lambda value: value.isdecimal() and int(value) <= _MAX_CONNECT_SECONDS,
        f"a number of seconds from 0 to {_MAX_CONNECT_SECONDS}",
    ),
    "dbname": TEXT,
    "gssencmode": one_of("disable", "prefer"),
    "host": TEXT,
    "options": TEXT,
    "passfile": FILE,
    "password": TEXT,
    "port": Option(
        lambda value: all(map(is_port, value.split(","))), f"a port from 1 to {MAX_PORT}"
    ),
    "ssl_max_protocol_version": _TLS_VERSION,
    "ssl_min_protocol_version": _TLS_VERSION,
    "sslcert": FILE,
    "sslcrl": FILE,
    "sslkey": FILE,
    "sslmode": one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": one_of("postgres", "direct"),
    "sslpassword": TEXT,
    "sslrootcert": FILE,
    "target_session_attrs": one_of(
        "any", "primary", "read-write"
    ),  # the ledger needs a server that accepts writes
    "user": TEXT,
}
# Options that asyncpg does not know: it never uses GSS encryption and cannot bind channels.
_UNKNOWN_TO_ASYNCPG: Final = frozenset({"channel_binding", "connect_timeout", "gssencmode"})


@dataclass(frozen=True, slots=True)
class PostgresqlAddress:
    """An address for asyncpg. `dsn` has only options that asyncpg knows. `connect_seconds` None: not set.

    `wants_binding`: the URL requires channel binding, which asyncpg cannot do.
    """

    dsn: str
    connect_seconds: float | None
    wants_binding: bool


def database_url(text: str) -> str:
    """Return the URL with our spelling of the scheme. Raises ValueError where it is not valid."""
    # Several platforms still spell it `postgres`.
    schemes = {"postgresql": "postgresql", "postgres": "postgresql", "sqlite": "sqlite"}
    scheme, rest = split(text, schemes)
    if scheme == "sqlite":
        if not re.fullmatch(r"/[^?]+", rest):
            raise ValueError("must name a file: sqlite:///path")
        return f"{scheme}://{rest}"
    authority, _, options = parts(rest)
    check_hosts(authority, most=8)
    check_options(options, _POSTGRESQL)
    if options.get("sslrootcert") == "system" and _system_certificates() is None:
        raise ValueError("names the system's certificates, and this system has none")
    return f"{scheme}://{rest}"


def postgresql_address(url: str) -> PostgresqlAddress:
    """Translate a URL that `database_url` has validated."""
    base, _, query = url.partition("?")
    options = dict(pairs(query))
    seconds = float(options.get("connect_timeout", 0)) or None
    wants_binding = options.get("channel_binding") == "require"
    if options.get("sslrootcert") == "system":
        options["sslrootcert"] = _system_certificates() or ""
    kept = [(name, value) for name, value in options.items() if name not in _UNKNOWN_TO_ASYNCPG]
    dsn = f"{base}?{urlencode(kept, quote_via=quote)}" if kept else base
    return PostgresqlAddress(dsn, seconds, wants_binding)


def named_files(url: str) -> Iterable[tuple[str, str]]:
    """Yield (option, path) of each file that the URL names."""
    tables = {**_POSTGRESQL, **REDIS_TLS}
    for name, value in pairs(url.partition("?")[2]):
        if tables.get(name) is FILE and (name, value) != ("sslrootcert", "system"):
            yield name, value


def passwords_in(url: str) -> Iterable[str]:
    """Yield the passwords as they are written in the URL, so that they can be hidden in logs."""
    authority = url.partition("://")[2].split("/")[0].split("?")[0]
    user_info, found, _ = authority.rpartition("@")
    if found:
        yield user_info.partition(":")[2]
    for part in url.partition("?")[2].split("&"):
        name, _, value = part.partition("=")
        if name in ("password", "sslpassword", "ssl_password", "sentinel_password"):
            yield value


def _system_certificates() -> str | None:
    return ssl.get_default_verify_paths().cafile
