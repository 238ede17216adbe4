"""The table of the `CLASSDROP_*` variables: names, defaults, meanings and parsers.

Read by `settings.py`, which reads the environment, and rendered into the settings table of the README. A
leaf: knows nothing of what the values are used for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from server.configuration import setting_parsers

_MAX_PROCESSES = 64
_MAX_REPLICAS = 5
_LEAST_CONNECTIONS = 2  # a write must not wait for a long read


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
        "Redis 7.0+ or Valkey: `redis://`, `rediss://` or `unix://`, with redis-py's options for TLS; "
        "behind Sentinel `redis+sentinel://host:port,host:port/name-of-the-primary`; a cluster "
        "`redis+cluster://host:port,host:port` or `rediss+cluster://…`. "
        "It must run with AOF (`appendfsync always`) and `noeviction`.",
        setting_parsers.redis_url,
        "embedded",
    ),
    Variable(
        "CLASSDROP_DATABASE_URL",
        "database_url",
        "",
        "The ledger: `postgresql://…`, with libpq's options and several hosts, or `sqlite:///path`. "
        "pgbouncer may stand before it, in session or transaction mode.",
        setting_parsers.database_url,
        "embedded (SQLite)",
    ),
    Variable(
        "CLASSDROP_DATABASE_CONNECTIONS",
        "database_connections",
        "8",
        "How many connections to PostgreSQL each process may hold. All processes together must stay "
        "below the server's `max_connections`.",
        setting_parsers.whole_number(_LEAST_CONNECTIONS, 100),
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
        "CLASSDROP_MESSAGES_PER_DAY",
        "messages_per_day",
        "2",
        "How many messages a student may get within any 24 hours, over all channels. Those beyond are "
        "held until one more is allowed.",
        setting_parsers.whole_number(0, 1_000),
    ),
    Variable(
        "CLASSDROP_MESSAGES_PER_WEEK",
        "messages_per_week",
        "4",
        "The same within any 7 days.",
        setting_parsers.whole_number(0, 1_000),
    ),
    Variable(
        "CLASSDROP_QUIET_HOURS",
        "quiet_hours",
        "21:30-08:30",
        "When no message leaves for a phone or a mailbox, in the school's time zone; `none` for never. "
        "Messages inside the app are shown at any hour.",
        setting_parsers.hours_of_day,
    ),
    Variable(
        "CLASSDROP_MESSAGE_LANGUAGE",
        "message_language",
        "zh",
        "The language of messages without a text of their own, where no page can choose: `zh` or `en`.",
        setting_parsers.one_of("zh", "en"),
    ),
    Variable(
        "CLASSDROP_REMIND_BEFORE_HOURS",
        "remind_before_hours",
        "none",
        "How many hours before a coupon ends its student is reminded, of batches that do not say it "
        "themselves (`remind_before`): at most two numbers, such as `72,24`.",
        setting_parsers.hours_before,
    ),
    Variable(
        "CLASSDROP_SMTP_URL",
        "smtp_url",
        "",
        "The mail server for the channel `email`: `smtp://user:password@host:587` or `smtps://…`. "
        "Needs the extra `mail`, and addresses in the students' facts (`email`).",
        setting_parsers.smtp_url,
        "none",
    ),
    Variable(
        "CLASSDROP_MAIL_FROM",
        "mail_from",
        "",
        "The sender of mail, such as `Coupons <coupons@school.example>`.",
        setting_parsers.mail_address,
        "none",
    ),
    Variable(
        "CLASSDROP_TRACES_URL",
        "traces_url",
        "",
        "Where traces of presses and taps go, by OTLP over HTTP: `http://collector:4318/v1/traces`. Needs "
        "the extra `traces`; headers by `OTEL_EXPORTER_OTLP_HEADERS`.",
        setting_parsers.traces_url,
        "none",
    ),
    Variable(
        "CLASSDROP_TRACES_RATIO",
        "traces_ratio",
        "0.01",
        "The part of claims that is traced, from 0 to 1. Every press is.",
        setting_parsers.ratio,
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
        "CLASSDROP_EVENT_DAYS",
        "event_days",
        "400",
        "How long events stay in `GET /v1/events`; older ones are deleted.",
        setting_parsers.whole_number(31, 3_650),
    ),
    Variable(
        "CLASSDROP_WEBHOOK_PRIVATE",
        "webhook_private",
        "0",
        "`1` lets webhooks go to private and loopback addresses, and by plain `http`: for a school "
        "whose back end is on the same network. An operator can then make the server call any "
        "address that it reaches.",
        setting_parsers.flag,
    ),
    Variable(
        "CLASSDROP_UNDO_SECONDS",
        "undo_seconds",
        "600",
        "How long an operator may undo coupons for more than 20 students before they go out; 0: they go out "
        "at once.",
        setting_parsers.whole_number(0, 86_400),
    ),
    Variable(
        "CLASSDROP_SUPPORT_COUPONS_A_DAY",
        "support_coupons_a_day",
        "20",
        "How many coupons each person of support may give to students on one day, in the school's time zone.",
        setting_parsers.whole_number(0, 1_000),
    ),
    Variable(
        "CLASSDROP_APPROVAL_STUDENTS",
        "approval_students",
        "0",
        "How many students an operator may send coupons to without another one's approval; 0: any number.",
        setting_parsers.whole_number(0, 100_000_000),
    ),
    Variable(
        "CLASSDROP_APPROVAL_AMOUNT",
        "approval_amount",
        "0",
        "What the coupons of a send may take off at most, in minor units, without the approval of another "
        "operator; 0: any sum.",
        setting_parsers.whole_number(0, 10**15),
    ),
    Variable(
        "CLASSDROP_APPROVAL_DAYS",
        "approval_days",
        "7",
        "How many days a send waits for an approval; then it expires, and the send is stopped; 0: for ever.",
        setting_parsers.whole_number(0, 365),
    ),
    Variable(
        "CLASSDROP_INVITE_CHANNELS",
        "invite_channels",
        "all",
        "The channels of batches and links whose drops may ask students to invite others, as a comma list; "
        "`all`, or `none`. Some channels forbid to reward sharing. A drop that is made keeps its task.",
        setting_parsers.channels,
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
