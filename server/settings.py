"""What the operator decides, read once from `CLASSDROP_*`: the only reader of the environment.

Called by the command line (`server.commands`), which hands the frozen result down. A leaf: knows
nothing of what its values are used for. The settings table of the README is rendered from here.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from server import service_urls, setting_parsers

_MAX_PROCESSES = 64
_MAX_REPLICAS = 5


class SettingsError(Exception):
    """Settings that cannot be used: one line for each, starting with the variable's name."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked values. What may hold a password or a secret is not in the repr."""

    redis_url: str | None = field(repr=False)
    database_url: str | None = field(repr=False)
    data_dir: Path
    secrets: tuple[str, ...] = field(repr=False)
    max_token_days: int
    host: str
    port: int
    processes: int
    joins_per_second: int
    keep_alive_seconds: int
    public_url: str | None
    login_url: str | None
    allowed_origins: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    time_zone: ZoneInfo
    demo_shop: bool | None  # None: nobody said
    key_prefix: str
    accept_weak_redis: bool
    replicas: int
    lock_seconds: int
    log_format: str
    apportionment: str
    discount_base: str

    def secret_texts(self) -> list[str]:
        """What must not reach a log: the secrets, and the passwords of both addresses."""
        passwords = [
            password
            for url in (self.redis_url, self.database_url)
            for password in service_urls.passwords_in(url or "")
        ]
        return [*self.secrets, *passwords]


@dataclass(frozen=True, slots=True)
class _Variable:
    """One row of the table: the field it fills, and how text becomes a value. `parse` raises a
    ValueError whose text ends the sentence "<variable> ...": it never quotes a secret value."""

    name: str
    field: str
    default: str
    meaning: str
    parse: Callable[[str], Any]
    shown_default: str | None = None
    also: str | None = None


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Raises SettingsError with every problem at once. An empty variable counts as absent."""
    given = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    problems: list[str] = []
    for variable in VARIABLES:
        name, text = _text_of(variable, given)
        try:
            values[variable.field] = variable.parse(text)
        except ValueError as error:
            problems.append(f"{name} {error}")
    if problems:
        raise SettingsError(problems)
    return Settings(**values)


def environment_with(overrides: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child of ours: what we were given, and `overrides`."""
    return {**os.environ, **overrides}


def _text_of(variable: _Variable, environ: Mapping[str, str]) -> tuple[str, str]:
    for name in filter(None, (variable.name, variable.also)):
        text = environ.get(name, "").strip()
        if text and not _is_injected(variable, text):
            return name, text
    return variable.name, variable.default


def _is_injected(variable: _Variable, text: str) -> bool:
    """Whether Kubernetes set the variable: for a service named `classdrop` every container gets
    CLASSDROP_PORT=tcp://10.0.0.1:8000, an address of that service and no choice of ours."""
    return variable.field == "port" and text.startswith(("tcp://", "udp://"))


VARIABLES = (
    _Variable(
        "CLASSDROP_REDIS_URL",
        "redis_url",
        "",
        "Redis 7.0+ or Valkey: `redis://`, `rediss://` or `unix://`, with redis-py's options for TLS. "
        "It must run with AOF (`appendfsync always`) and `noeviction`.",
        setting_parsers.redis_url,
        "embedded",
    ),
    _Variable(
        "CLASSDROP_DATABASE_URL",
        "database_url",
        "",
        "The ledger: `postgresql://…`, with libpq's options and several hosts, or `sqlite:///path`.",
        setting_parsers.database_url,
        "embedded (SQLite)",
    ),
    _Variable(
        "CLASSDROP_DATA_DIR",
        "data_dir",
        ".data",
        "Where the embedded Redis, SQLite and the secret live. One service at a time.",
        setting_parsers.data_dir,
    ),
    _Variable(
        "CLASSDROP_SECRET",
        "secrets",
        "",
        f"Signs tokens: a comma list of secrets of {setting_parsers.SECRET_CHARS} or more random "
        "characters. The first signs, all verify. Required with a Redis or database of your own.",
        setting_parsers.secrets,
        "made and kept in the data folder",
    ),
    _Variable(
        "CLASSDROP_MAX_TOKEN_DAYS",
        "max_token_days",
        "31",
        "The longest life of a token, from its `iat` to its `exp`; one that lives longer is refused.",
        setting_parsers.whole_number(1, 3_650),
    ),
    _Variable(
        "CLASSDROP_HOST",
        "host",
        "127.0.0.1",
        "The address to listen on; `0.0.0.0` lets the classroom's network in.",
        setting_parsers.host,
    ),
    _Variable(
        "CLASSDROP_PORT",
        "port",
        "8000",
        "The one port for pages, API and sockets. `PORT` is read where this is absent.",
        setting_parsers.whole_number(1, 65535),
        also="PORT",
    ),
    _Variable(
        "CLASSDROP_PROCESSES",
        "processes",
        "1",
        "How many `web` processes share the port. One per core; each holds some 10,000 students.",
        setting_parsers.whole_number(1, _MAX_PROCESSES),
    ),
    _Variable(
        "CLASSDROP_JOINS_PER_SECOND",
        "joins_per_second",
        "10000",
        "How many students each `web` process lets in within a second; the others are told when to "
        "come back.",
        setting_parsers.whole_number(1, 100_000),
    ),
    _Variable(
        "CLASSDROP_KEEP_ALIVE_SECONDS",
        "keep_alive_seconds",
        "75",
        "How long an idle HTTP connection stays open. More than the balancer in front keeps its own (most: "
        "60), or it sends a request into a connection that is just being closed, and answers 502.",
        setting_parsers.whole_number(1, 3_600),
    ),
    _Variable(
        "CLASSDROP_PUBLIC_URL",
        "public_url",
        "",
        "What the world calls this service, for links, for example `https://drops.school.example`. Its "
        "pages may open sockets whatever `Host` a proxy sends.",
        setting_parsers.public_url,
        "what was listened on",
    ),
    _Variable(
        "CLASSDROP_LOGIN_URL",
        "login_url",
        "",
        "The school's sign-in, for example `https://school.example/sign-in`. Pages without a token, or with "
        "an expired one, lead there with `return=` (the page's own address) and are come back to with "
        "`#token=…`.",
        setting_parsers.login_url,
        "none",
    ),
    _Variable(
        "CLASSDROP_ALLOWED_ORIGINS",
        "allowed_origins",
        "",
        "Comma list of other sites whose pages may open sockets, call the API and embed the card.",
        setting_parsers.origins,
        "none",
    ),
    _Variable(
        "CLASSDROP_TRUSTED_PROXIES",
        "trusted_proxies",
        "",
        "Comma list of addresses or networks whose `X-Forwarded-*` headers are believed; `*` for "
        "all, where only a proxy can reach the port.",
        setting_parsers.proxies,
        "none",
    ),
    _Variable(
        "CLASSDROP_TIME_ZONE",
        "time_zone",
        "Asia/Shanghai",
        "The school's IANA time zone: dates that people type are days there.",
        setting_parsers.time_zone,
    ),
    _Variable(
        "CLASSDROP_DEMO_SHOP",
        "demo_shop",
        "",
        '`1` opens the sample shop behind `/checkout`, where whoever presses "pay" has paid: for '
        "trying things out, never for a school. `python -m server` without a role opens it, unless "
        "this says `0`.",
        setting_parsers.flag_if_said,
        "`0`",
    ),
    _Variable(
        "CLASSDROP_KEY_PREFIX",
        "key_prefix",
        "classdrop",
        "Starts every key in Redis, so that several installations can share a server.",
        setting_parsers.key_prefix,
    ),
    _Variable(
        "CLASSDROP_ACCEPT_WEAK_REDIS",
        "accept_weak_redis",
        "0",
        "`1` starts on a Redis that may forget what it acknowledged, with a warning instead of a "
        "refusal. `won` is then no promise; `confirmed` still is.",
        setting_parsers.flag,
    ),
    _Variable(
        "CLASSDROP_REPLICAS",
        "replicas",
        "0",
        "How many replicas of Redis must have a win before the student is told `won`. With `0` a "
        "replica that is promoted may lack the last wins; `confirmed` ones are never lost.",
        setting_parsers.whole_number(0, _MAX_REPLICAS),
    ),
    _Variable(
        "CLASSDROP_LOG_FORMAT",
        "log_format",
        "auto",
        "`json` lines, `text` for people, or `auto`: text where stderr is a terminal.",
        setting_parsers.one_of("auto", "text", "json"),
    ),
    _Variable(
        "CLASSDROP_LOCK_SECONDS",
        "lock_seconds",
        "900",
        "How long coupons stay locked on an order while its student pays; a request may ask for less "
        "(`lock_seconds`).",
        setting_parsers.whole_number(10, 86_400),
    ),
    _Variable(
        "CLASSDROP_APPORTIONMENT",
        "apportionment",
        "remainder_last",
        "Who gets the odd fen when a discount is split over lines: `remainder_last` the last lines, "
        "`largest_remainder` those that lost most by rounding down.",
        setting_parsers.one_of("remainder_last", "largest_remainder"),
    ),
    _Variable(
        "CLASSDROP_DISCOUNT_BASE",
        "discount_base",
        "running",
        "What a later coupon's percentage is taken of: `running` what those before it left, "
        "`original` what was ordered.",
        setting_parsers.one_of("running", "original"),
    ),
)
