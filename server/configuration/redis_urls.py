"""Validate the URLs of Redis, and tell the kinds apart: one server, those behind Sentinel, a cluster.

Called by `setting_parsers` and by desk/redis. A leaf: connects to nothing and reads no file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from server.configuration.url_parts import (
    FILE,
    FLAG,
    TEXT,
    Option,
    check_hosts,
    check_options,
    host_and_port,
    one_of,
    parts,
    split,
)

_REDIS: Final[Mapping[str, Option]] = {
    "client_name": TEXT,
    "db": Option(str.isdecimal, "the number of a database"),
    "password": TEXT,
    "protocol": one_of("2", "3"),
    "username": TEXT,
}
REDIS_TLS: Final[Mapping[str, Option]] = {
    "ssl_ca_certs": FILE,
    "ssl_cert_reqs": one_of("none", "optional", "required"),
    "ssl_certfile": FILE,
    "ssl_check_hostname": FLAG,
    "ssl_keyfile": FILE,
    "ssl_password": TEXT,
}
_REDIS_SENTINEL: Final[Mapping[str, Option]] = {
    "sentinel_password": TEXT,
    "sentinel_username": TEXT,
}
_SENTINEL: Final = "redis+sentinel"
_SENTINEL_PORT: Final = 26379
_CLUSTER: Final = "redis+cluster"
_TLS_CLUSTER: Final = "rediss+cluster"
_PORT: Final = 6379
_MOST_HOSTS: Final = 9
_OF_SCHEME: Final = {
    "rediss": REDIS_TLS,
    _TLS_CLUSTER: REDIS_TLS,
    _SENTINEL: _REDIS_SENTINEL,
}


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


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """An address of a Redis Cluster: `hosts` are some of its nodes, of which one that answers is enough.
    `scheme`, `user` (with its @) and `query` are the same for every node.
    """

    hosts: tuple[tuple[str, int], ...]
    scheme: str
    user: str
    query: str

    def url_of(self, host: str, port: int) -> str:
        """Return the URL of one node."""
        name = f"[{host}]" if ":" in host else host
        return f"{self.scheme}://{self.user}{name}:{port}{self.query}"


def redis_url(text: str) -> str:
    """Return the URL with its scheme in lower case. Raises ValueError where it is not valid."""
    known_schemes = ("redis", "rediss", "unix", _CLUSTER, _TLS_CLUSTER, _SENTINEL)
    scheme, rest = split(text, {name: name for name in known_schemes})
    authority, path, options = parts(rest)
    check_options(options, {**_REDIS, **_OF_SCHEME.get(scheme, {})})
    if scheme == "unix":
        if not path:
            raise ValueError("must name a socket: unix:///path")
    elif scheme in (_CLUSTER, _TLS_CLUSTER):
        check_hosts(authority, most=_MOST_HOSTS)
        if path not in ("", "/", "/0") or options.get("db", "0") != "0":
            raise ValueError("must name no database: a cluster has the one with the number 0")
    elif scheme == _SENTINEL:
        check_hosts(authority, most=_MOST_HOSTS)
        if not re.fullmatch(r"/[A-Za-z0-9._-]{1,64}", path):
            raise ValueError("must end in the name of a primary: redis+sentinel://host:port/name")
    else:
        check_hosts(authority, most=1)
        _check_database(path, options)
    return f"{scheme}://{rest}"


def _check_database(path: str, options: Mapping[str, str]) -> None:
    # redis-py uses database 0 where the path is not a number.
    if path not in ("", "/") and not re.fullmatch(r"/[0-9]{1,6}", path):
        raise ValueError("must end in the number of a database, like /0")
    if len(path) > 1 and "db" in options:
        raise ValueError("must name the database once: behind the host, or as its option db")


def sentinel_address(url: str) -> SentinelAddress | None:
    """Return the address in a URL that `redis_url` has validated; None where it names the server itself."""
    scheme, _, rest = url.partition("://")
    if scheme != _SENTINEL:
        return None
    authority, path, options = parts(rest)
    user, at, hosts = authority.rpartition("@")
    login = {
        name.removeprefix("sentinel_"): options.pop(name)
        for name in _REDIS_SENTINEL
        if name in options
    }
    query = _query(options)
    return SentinelAddress(
        tuple(host_and_port(one, _SENTINEL_PORT) for one in hosts.split(",")),
        path[1:],
        login,
        f"redis://{user}{at}sentinel{query}",
    )


def cluster_address(url: str) -> ClusterAddress | None:
    """Return the address in a URL that `redis_url` has validated; None where it names no cluster."""
    scheme, _, rest = url.partition("://")
    if scheme not in (_CLUSTER, _TLS_CLUSTER):
        return None
    authority, _, options = parts(rest)
    user, at, hosts = authority.rpartition("@")
    return ClusterAddress(
        tuple(host_and_port(one, _PORT) for one in hosts.split(",")),
        scheme.removesuffix("+cluster"),
        f"{user}{at}",
        _query(options),
    )


def _query(options: Mapping[str, str]) -> str:
    return f"?{urlencode(options, quote_via=quote)}" if options else ""
