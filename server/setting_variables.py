"""The table of the `CLASSDROP_*` variables: names, defaults, meanings and parsers.

Read by `settings.py`, which reads the environment, and rendered into the settings table of the README. A
leaf: knows nothing of what the values are used for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from server import setting_parsers

_MAX_PROCESSES = 64
_MAX_REPLICAS = 5


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable: the field of Settings that it fills, and how its text becomes a value.

    `parse` raises a ValueError whose text continues the sentence "<variable> ..." and never quotes a
    secret. `also` is a second variable, read where the first one is absent.
    """

    name: str
    field: str
    default: str
    meaning: str
    parse: Callable[[str], Any]
    shown_default: str | None = None
    also: str | None = None


VARIABLES: Final = (
    Variable(
        "CLASSDROP_REDIS_URL",
        "redis_url",
        "",
        "Redis 7.0+ or Valkey: `redis://`, `rediss://` or `unix://`, with redis-py's options for TLS. "
        "It must run with AOF (`appendfsync always`) and `noeviction`.",
        setting_parsers.redis_url,
        "embedded",
    ),
    Variable(
        "CLASSDROP_DATABASE_URL",
        "database_url",
        "",
        "The ledger: `postgresql://…`, with libpq's options and several hosts, or `sqlite:///path`.",
        setting_parsers.database_url,
        "embedded (SQLite)",
    ),
    Variable(
        "CLASSDROP_DATA_DIR",
        "data_dir",
        ".data",
        "Where the embedded Redis, SQLite and the secret live. One service at a time.",
        setting_parsers.data_dir,
    ),
    Variable(
        "CLASSDROP_SECRET",
        "secrets",
        "",
        f"Signs tokens: a comma list of secrets of {setting_parsers.SECRET_CHARS} or more random "
        "characters. The first signs, all verify. Required with a Redis or database of your own.",
        setting_parsers.secrets,
        "made and kept in the data folder",
    ),
    Variable(
        "CLASSDROP_MAX_TOKEN_DAYS",
        "max_token_days",
        "31",
        "The longest life of a token, from its `iat` to its `exp`; one that lives longer is refused.",
        setting_parsers.whole_number(1, 3_650),
    ),
    Variable(
        "CLASSDROP_HOST",
        "host",
        "127.0.0.1",
        "The address to listen on; `0.0.0.0` lets the classroom's network in.",
        setting_parsers.host,
    ),
    Variable(
        "CLASSDROP_PORT",
        "port",
        "8000",
        "The one port for pages, API and sockets. `PORT` is read where this is absent.",
        setting_parsers.whole_number(1, 65535),
        also="PORT",
    ),
    Variable(
        "CLASSDROP_PROCESSES",
        "processes",
        "1",
        "How many `web` processes share the port. One per core; each holds some 10,000 students.",
        setting_parsers.whole_number(1, _MAX_PROCESSES),
    ),
    Variable(
        "CLASSDROP_JOINS_PER_SECOND",
        "joins_per_second",
        "10000",
        "How many joins each `web` process admits in a second; the other clients get a time to "
        "retry.",
        setting_parsers.whole_number(1, 100_000),
    ),
    Variable(
        "CLASSDROP_KEEP_ALIVE_SECONDS",
        "keep_alive_seconds",
        "75",
        "How long an idle HTTP connection stays open. Set it above the idle timeout of the "
        "balancer in front (usually 60 s), or the balancer may send a request into a connection "
        "that is being closed, and respond 502.",
        setting_parsers.whole_number(1, 3_600),
    ),
    Variable(
        "CLASSDROP_PUBLIC_URL",
        "public_url",
        "",
        "The URL at which browsers reach this service, for links, for example "
        "`https://drops.school.example`. Its pages may open sockets whatever `Host` a proxy "
        "sends.",
        setting_parsers.public_url,
        "the address it listens on",
    ),
    Variable(
        "CLASSDROP_LOGIN_URL",
        "login_url",
        "",
        "The school's sign-in, for example `https://school.example/sign-in`. Pages without a "
        "token, or with an expired one, link there with `return=` (the page's own URL); the "
        "sign-in returns to it with `#token=…`.",
        setting_parsers.login_url,
        "none",
    ),
    Variable(
        "CLASSDROP_ALLOWED_ORIGINS",
        "allowed_origins",
        "",
        "Comma list of other sites whose pages may open sockets, call the API and embed the card.",
        setting_parsers.origins,
        "none",
    ),
    Variable(
        "CLASSDROP_TRUSTED_PROXIES",
        "trusted_proxies",
        "",
        "Comma list of addresses or networks whose `X-Forwarded-*` headers are believed; `*` for "
        "all, where only a proxy can reach the port.",
        setting_parsers.proxies,
        "none",
    ),
    Variable(
        "CLASSDROP_TIME_ZONE",
        "time_zone",
        "Asia/Shanghai",
        "The school's IANA time zone: dates that people type are days there.",
        setting_parsers.time_zone,
    ),
    Variable(
        "CLASSDROP_DEMO_SHOP",
        "demo_shop",
        "",
        '`1` opens the sample shop behind `/checkout`, where whoever presses "pay" has paid: for '
        "trying things out, never for a school. `python -m server` without a role opens it, unless "
        "this says `0`.",
        setting_parsers.optional_flag,
        "`0`",
    ),
    Variable(
        "CLASSDROP_KEY_PREFIX",
        "key_prefix",
        "classdrop",
        "Starts every key in Redis, so that several installations can share a server.",
        setting_parsers.key_prefix,
    ),
    Variable(
        "CLASSDROP_ACCEPT_WEAK_REDIS",
        "accept_weak_redis",
        "0",
        "`1` starts with a Redis that may lose acknowledged writes, with a warning instead of a "
        "refusal. Then a `won` may be lost; a `confirmed` is not.",
        setting_parsers.flag,
    ),
    Variable(
        "CLASSDROP_REPLICAS",
        "replicas",
        "0",
        "How many replicas of Redis must have a win before the student is told `won`. With `0` a "
        "replica that is promoted may lack the last wins; `confirmed` ones are never lost.",
        setting_parsers.whole_number(0, _MAX_REPLICAS),
    ),
    Variable(
        "CLASSDROP_LOG_FORMAT",
        "log_format",
        "auto",
        "`json` lines, `text` for people, or `auto`: text where stderr is a terminal.",
        setting_parsers.one_of("auto", "text", "json"),
    ),
    Variable(
        "CLASSDROP_LOCK_SECONDS",
        "lock_seconds",
        "900",
        "How long coupons stay locked on an order while its student pays; a request may ask for less "
        "(`lock_seconds`).",
        setting_parsers.whole_number(10, 86_400),
    ),
    Variable(
        "CLASSDROP_APPORTIONMENT",
        "apportionment",
        "remainder_last",
        "Which lines get the remainder when a discount is split over lines: `remainder_last` the "
        "last lines, `largest_remainder` those that lost most by rounding down.",
        setting_parsers.one_of("remainder_last", "largest_remainder"),
    ),
    Variable(
        "CLASSDROP_DISCOUNT_BASE",
        "discount_base",
        "running",
        "The amount that the percentage of a later coupon applies to: `running` the amount after "
        "the coupons before it, `original` the amount of the order.",
        setting_parsers.one_of("running", "original"),
    ),
)
