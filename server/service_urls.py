"""Validate the URLs of Redis and of the database before a connection is made.

Called by `setting_parsers`, by `ledger.engine` (`postgresql_address`) and by `commands.preflight`
(`named_files`). A leaf: connects to nothing and reads no file.

Hosting companies give out URLs with options of libpq or redis-py. A table for each lists the known options.
Unknown ones are refused here, because the drivers raise a traceback for them or send them to the server as a
setting. An error repeats nothing of the URL except an option's name: where a password is not percent-encoded,
it is cut at its first special character, and its rest may appear in any other part.
"""

import re
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

_MAX_PORT: Final = 65535
_MAX_CONNECT_SECONDS: Final = 60
_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[^:\[\]]*)(?::([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class _Option:
    """A known option. `expects` continues the sentence "its option <name> must be …"."""

    is_good: Callable[[str], bool]
    expects: str


def _one_of(*words: str) -> _Option:
    return _Option(words.__contains__, ", ".join(words))


_TEXT: Final = _Option(bool, "a text that is not empty")
_FILE: Final = _Option(bool, "the path of a file")
_FLAG: Final = _one_of("true", "false", "True", "False", "1", "0")
_TLS_VERSION: Final = _one_of("TLSv1.2", "TLSv1.3")

# Names and values are those of libpq. `connect_timeout` is a number of seconds; 0 means our own.
_POSTGRESQL: Final[Mapping[str, _Option]] = {
    "application_name": _TEXT,
    "channel_binding": _one_of("disable", "prefer", "require"),
    "connect_timeout": _Option(
        lambda value: value.isdecimal() and int(value) <= _MAX_CONNECT_SECONDS,
        f"a number of seconds from 0 to {_MAX_CONNECT_SECONDS}",
    ),
    "dbname": _TEXT,
    "gssencmode": _one_of("disable", "prefer"),
    "host": _TEXT,
    "options": _TEXT,
    "passfile": _FILE,
    "password": _TEXT,
    "port": _Option(
        lambda value: all(map(_is_port, value.split(","))), f"a port from 1 to {_MAX_PORT}"
    ),
    "ssl_max_protocol_version": _TLS_VERSION,
    "ssl_min_protocol_version": _TLS_VERSION,
    "sslcert": _FILE,
    "sslcrl": _FILE,
    "sslkey": _FILE,
    "sslmode": _one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": _one_of("postgres", "direct"),
    "sslpassword": _TEXT,
    "sslrootcert": _FILE,
    "target_session_attrs": _one_of(
        "any", "primary", "read-write"
    ),  # the ledger needs a server that accepts writes
    "user": _TEXT,
}
# Options that asyncpg does not know: it never uses GSS encryption and cannot bind channels.
_UNKNOWN_TO_ASYNCPG: Final = frozenset({"channel_binding", "connect_timeout", "gssencmode"})

_REDIS: Final[Mapping[str, _Option]] = {
    "client_name": _TEXT,
    "db": _Option(str.isdecimal, "the number of a database"),
    "password": _TEXT,
    "protocol": _one_of("2", "3"),
    "username": _TEXT,
}
_REDIS_TLS: Final[Mapping[str, _Option]] = {
    "ssl_ca_certs": _FILE,
    "ssl_cert_reqs": _one_of("none", "optional", "required"),
    "ssl_certfile": _FILE,
    "ssl_check_hostname": _FLAG,
    "ssl_keyfile": _FILE,
    "ssl_password": _TEXT,
}
_REDIS_SENTINEL: Final[Mapping[str, _Option]] = {
    "sentinel_password": _TEXT,
    "sentinel_username": _TEXT,
}
_SENTINEL: Final = "redis+sentinel"
_SENTINEL_PORT: Final = 26379
_OF_SCHEME: Final = {"rediss": _REDIS_TLS, _SENTINEL: _REDIS_SENTINEL}


@dataclass(frozen=True, slots=True)
class PostgresqlAddress:
    """An address for asyncpg. `dsn` has only options that asyncpg knows. `connect_seconds` None: not set.

    `wants_binding`: the URL requires channel binding, which asyncpg cannot do.
    """

    dsn: str
    connect_seconds: float | None
    wants_binding: bool


@dataclass(frozen=True, slots=True)
class SentinelAddress:
    """An address that Redis Sentinel knows: `primary` is the name that its configuration gives the primary,
    `login` the arguments of redis-py with which the Sentinels themselves are entered. `server_url` has what
    is the same for every primary, and the host of none.
    """

    hosts: tuple[tuple[str, int], ...]
    primary: str
    login: Mapping[str, str]
    server_url: str


def redis_url(text: str) -> str:
    """Return the URL with its scheme in lower case. Raises ValueError where it is not valid."""
    known_schemes = ("redis", "rediss", "unix", _SENTINEL)
    scheme, rest = _split(text, {name: name for name in known_schemes})
    authority, path, options = _parts(rest)
    _check_options(options, {**_REDIS, **_OF_SCHEME.get(scheme, {})})
    if scheme == "unix":
        if not path:
            raise ValueError("must name a socket: unix:///path")
    elif scheme == _SENTINEL:
        _check_hosts(authority, most=9)
        if not re.fullmatch(r"/[A-Za-z0-9._-]{1,64}", path):
            raise ValueError("must end in the name of a primary: redis+sentinel://host:port/name")
    else:
        _check_hosts(authority, most=1)
        # redis-py uses database 0 where the path is not a number.
        if path not in ("", "/") and not re.fullmatch(r"/[0-9]{1,6}", path):
            raise ValueError("must end in the number of a database, like /0")
        if len(path) > 1 and "db" in options:
            raise ValueError("must name the database once: behind the host, or as its option db")
    return f"{scheme}://{rest}"


def sentinel_address(url: str) -> SentinelAddress | None:
    """Return the address in a URL that `redis_url` has validated; None where it names the server itself."""
    scheme, _, rest = url.partition("://")
    if scheme != _SENTINEL:
        return None
    authority, path, options = _parts(rest)
    user, at, hosts = authority.rpartition("@")
    login = {
        name.removeprefix("sentinel_"): options.pop(name)
        for name in _REDIS_SENTINEL
        if name in options
    }
    query = f"?{urlencode(options, quote_via=quote)}" if options else ""
    return SentinelAddress(
        tuple(_host_and_port(one, _SENTINEL_PORT) for one in hosts.split(",")),
        path[1:],
        login,
        f"redis://{user}{at}sentinel{query}",
    )


def _host_and_port(text: str, usual: int) -> tuple[str, int]:
    found = _HOST.fullmatch(text)
    port = found[1] if found else None
    host = text.removesuffix(f":{port}") if port else text
    return host.strip("[]"), int(port or usual)


def database_url(text: str) -> str:
    """Return the URL with our spelling of the scheme. Raises ValueError where it is not valid."""
    # Several platforms still spell it `postgres`.
    schemes = {"postgresql": "postgresql", "postgres": "postgresql", "sqlite": "sqlite"}
    scheme, rest = _split(text, schemes)
    if scheme == "sqlite":
        if not re.fullmatch(r"/[^?]+", rest):
            raise ValueError("must name a file: sqlite:///path")
        return f"{scheme}://{rest}"
    authority, _, options = _parts(rest)
    _check_hosts(authority, most=8)
    _check_options(options, _POSTGRESQL)
    if options.get("sslrootcert") == "system" and _system_certificates() is None:
        raise ValueError("names the system's certificates, and this system has none")
    return f"{scheme}://{rest}"


def postgresql_address(url: str) -> PostgresqlAddress:
    """Translate a URL that `database_url` has validated."""
    base, _, query = url.partition("?")
    options = dict(_pairs(query))
    seconds = float(options.get("connect_timeout", 0)) or None
    wants_binding = options.get("channel_binding") == "require"
    if options.get("sslrootcert") == "system":
        options["sslrootcert"] = _system_certificates() or ""
    kept = [(name, value) for name, value in options.items() if name not in _UNKNOWN_TO_ASYNCPG]
    dsn = f"{base}?{urlencode(kept, quote_via=quote)}" if kept else base
    return PostgresqlAddress(dsn, seconds, wants_binding)


def named_files(url: str) -> Iterable[tuple[str, str]]:
    """Yield (option, path) of each file that the URL names."""
    tables = {**_POSTGRESQL, **_REDIS_TLS}
    for name, value in _pairs(url.partition("?")[2]):
        if tables.get(name) is _FILE and (name, value) != ("sslrootcert", "system"):
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


def _split(text: str, schemes: Mapping[str, str]) -> tuple[str, str]:
    scheme, found, rest = text.partition("://")
    if not found or scheme.lower() not in schemes or not rest:
        *others, last = (f"{name}://" for name in schemes)
        raise ValueError(f"must be a URL that starts with {', '.join(others)} or {last}")
    return schemes[scheme.lower()], rest


def _parts(rest: str) -> tuple[str, str, dict[str, str]]:
    """Split what follows the scheme into authority, path and options."""
    if re.search(r"[\s\x00-\x1f\x7f]", rest):
        raise ValueError("must not hold spaces; in a password a space is written %20")
    if re.search(r"%(?![0-9A-Fa-f]{2})", rest):
        raise ValueError("must not hold a % alone; in a password it is written %25")
    if "#" in rest:
        raise ValueError("must not hold a #; in a password it is written %23")
    address, _, query = rest.partition("?")
    authority, slash, path = address.partition("/")
    if authority.count("@") > 1 or "@" in path or "@" in query:
        raise ValueError(
            "must have one @, before the host; in a password @ is written %40, / %2F and ? %3F"
        )
    return authority, slash + path, dict(_pairs(query))


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise ValueError("must have options like name=value, joined by &") from None


def _check_hosts(authority: str, most: int) -> None:
    hosts = authority.rpartition("@")[2].split(",")
    if len(hosts) > most:
        raise ValueError(f"must not name more hosts than {most}")
    for host in hosts:
        found = _HOST.fullmatch(host)
        if not found or not _is_port(found[1] or "1"):
            raise ValueError(
                f"must name its host as host or host:port, with a port from 1 to {_MAX_PORT}; in a "
                "password : is written %3A and / %2F"
            )


def _is_port(text: str) -> bool:
    return text.isdecimal() and 1 <= int(text) <= _MAX_PORT


def _check_options(options: Mapping[str, str], known: Mapping[str, _Option]) -> None:
    for name, value in options.items():
        option = known.get(name)
        if option is None:
            raise ValueError(
                f"must not have the option {_printable(name)}; known are {', '.join(sorted(known))}"
            )
        if not option.is_good(value):
            raise ValueError(f"is wrong: its option {name} must be {option.expects}")


def _printable(name: str) -> str:
    """Return the name of an option, or other words where it may be a part of a password."""
    return name if re.fullmatch(r"[A-Za-z_]{1,40}", name) else "that it names"


def _system_certificates() -> str | None:
    return ssl.get_default_verify_paths().cafile
