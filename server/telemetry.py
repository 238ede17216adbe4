"""Logs, metric names and health: what an operator sees of a running process.

Made once per process by `server.commands` and handed down; written to by every part. A leaf: knows
nothing of drops or claims but the names of what is counted. No student, drop or token is ever a
label, and no token ever reaches a log.
"""

import asyncio
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO
from urllib.parse import unquote

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REDACTED = "[redacted]"
_PRIVATE_KEY = re.compile(r"token|secret|authorization|password|cookie", re.IGNORECASE)
_PRIVATE_TEXT = (
    (re.compile(r"eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){0,2}"), REDACTED),
    (re.compile(r"(?<=[#?&]token=)[^\s\"'\\&]+"), REDACTED),
    (re.compile(r"(?i)(?<=bearer )[^\s\"'\\]+"), REDACTED),
    # To the last @: a password that was not percent-encoded may hold anything else.
    (re.compile(r"(?<=://)[^\s@\"']*:[^\s\"']*(?=@)"), REDACTED),
)
# A shorter one may be a part of any word; what stands before the @ of an address is hidden at any length.
_LEAST_HIDDEN_CHARS = 6
_hidden_texts: list[str] = []  # of this process, see `hide_in_logs`

# Figures of one school's evening: a push is good below 150 ms, a claim below 50, a commit below 20.
_FAST_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_LOOP_BEAT_S = 0.5
_LOOP_DEAD_AFTER_S = 10.0


def configure_logs(
    role: str, stream: TextIO | None = None, level: int = logging.INFO, form: str = "json"
) -> None:
    """JSON lines on stderr (ts, level, event, role, process id), the same for structlog and for
    libraries that use `logging`. Lines for people with `form` text, and with auto where stderr is a
    terminal. Called first in every process."""
    out = stream or sys.stderr
    is_text = form == "text" or (form == "auto" and out.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        structlog.processors.format_exc_info,
        _stamp(role, os.getpid()),
    ]
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _to_text_line if is_text else _to_json_line,
            ],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # An access line per request would cost more than the request, and name its address.
    logging.getLogger("uvicorn.access").disabled = True
    for chatty in ("uvicorn.error", "alembic", "httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def hide_in_logs(secrets: Iterable[str]) -> None:
    """Hide these texts from now on in all that this process logs and in `redacted`, wherever they
    stand: as they are, percent-decoded, and as a traceback or JSON writes them. Called once, with the
    settings."""
    spellings = {form for secret in secrets for form in (secret, unquote(secret))}
    spellings |= {repr(form)[1:-1] for form in spellings}
    spellings |= {orjson.dumps(form).decode()[1:-1] for form in spellings}
    hidden = (form for form in spellings if len(form) >= _LEAST_HIDDEN_CHARS)
    # The longest first: one may be the beginning of another.
    _hidden_texts[:] = sorted(hidden, key=len, reverse=True)


def redacted(text: str) -> str:
    """`text` without what was hidden, and without what looks like a token or a password in a URL."""
    for hidden in _hidden_texts:
        text = text.replace(hidden, REDACTED)
    for pattern, instead in _PRIVATE_TEXT:
        text = pattern.sub(instead, text)
    return text


def _stamp(role: str, process_id: int) -> structlog.typing.Processor:
    def stamp(_logger: object, _name: str, event: Any) -> Any:
        return {**event, "role": role, "process_id": process_id}

    return stamp


def _to_json_line(_logger: object, _name: str, event: Any) -> str:
    # By key before, by shape after: the whole line is searched, so nesting and tracebacks hide
    # nothing.
    line = orjson.dumps(_without_private_keys(event), default=str, option=orjson.OPT_NON_STR_KEYS)
    return redacted(line.decode())


def _to_text_line(_logger: object, _name: str, event: Any) -> str:
    """`18:20:52 web     web_up port=8000`: what is not usual says its level."""
    facts = dict(_without_private_keys(event))  # type: ignore[call-overload]
    at, role, level = facts.pop("ts", "")[11:19], facts.pop("role", ""), facts.pop("level", "info")
    facts.pop("process_id", None)
    trace = facts.pop("exception", "")
    words = [at, f"{role:<7}", *([] if level == "info" else [level.upper()])]
    words += [str(facts.pop("event", "")), *(f"{name}={value}" for name, value in facts.items())]
    return redacted(" ".join(words) + (f"\n{trace}" if trace else ""))


def _without_private_keys(value: object) -> object:
    if isinstance(value, Mapping):
        return {
            key: REDACTED
            if _PRIVATE_KEY.search(str(key)) and not isinstance(inner, int | float | None)
            else _without_private_keys(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without_private_keys(inner) for inner in value]
    return value


class Metrics:
    """Every metric of one process, in a registry of its own. Base units; names `classdrop_...`. The
    table of the README is rendered from here."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.labels: dict[str, tuple[str, ...]] = {}  # family -> names of its labels
        self._gateway()
        self._desk()
        self._ledger()
        self._http()

    def _gateway(self) -> None:
        self.ws_connections = self._gauge("ws_connections", "Sockets open now")
        self.ws_connects = self._counter("ws_connects", "Sockets that said hello", "result")
        self.ws_refused = self._counter("ws_refused", "Handshakes turned away", "reason")
        self.ws_joins_peak = self._gauge("ws_joins_peak", "Most sockets let in within one second")
        self.ws_disconnects = self._counter("ws_disconnects", "Sockets that ended", "reason")
        self.evictions = self._counter("ws_evictions", "Sockets ended for reading too slowly")
        self.push_delay = self._seconds("push_delay", "From publishing to the socket's buffer")
        self.broadcast_duration = self._seconds("broadcast_duration", "One frame to one room")
        self.feed_gaps = self._counter("feed_gaps", "Publications missed and healed")
        self.heartbeat_age = self._gauge(
            "feed_heartbeat_age_seconds", "Since the feed was last known to be alive"
        )
        self.loop_lag = self._seconds("loop_lag", "How late the event loop ran a timer")

    def _desk(self) -> None:
        self.claims = self._counter("claims", "Claims answered", "outcome")
        self.claim_batch_size = self._sizes("claim_batch_size", "Claims in one script call")
        self.script_duration = self._seconds("script_duration", "One script call", "script")
        self.outbox_lag = self._gauge("outbox_lag_entries", "Claims not in the ledger yet", "shard")
        self.outbox_oldest_age = self._gauge(
            "outbox_oldest_age_seconds", "Age of the oldest claim not in the ledger", "shard"
        )
        self.fence_closed = self._gauge("fence_closed", "1 while claims are refused", "shard")
        self.rebuilds = self._counter("rebuilds", "Desks loaded from the ledger")
        self.rebuild_failures = self._counter(
            "rebuild_failures", "Rebuilds of a desk that failed; `/readyz` says why", "shard"
        )

    def _ledger(self) -> None:
        self.ledger_commit = self._seconds("ledger_commit", "One transaction of claims")
        self.ledger_batch_size = self._sizes("ledger_batch_size", "Claims in one transaction")
        self.confirmed = self._counter("confirmed", "Claims confirmed")
        self.revoked = self._counter("revoked", "Wins taken back with an apology")
        self.dead_letters = self._counter("dead_letters", "Claims set aside for a person to see")
        self.holds_ended = self._counter("holds_ended", "Coupons not used in time and given back")
        self.budget_warnings = self._counter(
            "budget_warnings",
            "Levels (percent) of campaigns' budgets reached, each once",
            "budget",
            "level",
        )
        self.intents_pending = self._gauge(
            "intents_pending", "Changes of drops the desk still has to be told"
        )
        self.stock = self._gauge(
            "stock_units", "Units of open drops, by where they are; together their quantity", "use"
        )
        self.difference = self._gauge(
            "difference_units", "Units by which ledger and desk disagree; anything but 0 is a fault"
        )

    def _http(self) -> None:
        self.http_requests = self._counter("http_requests", "Answers", "route", "status")
        self.http_duration = self._seconds(
            "http_request_duration", "From request to answer", "route"
        )

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(self._named(name, labels), help_text, labels, registry=self.registry)

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(self._named(name, labels), help_text, labels, registry=self.registry)

    def _seconds(self, name: str, help_text: str, *labels: str) -> Histogram:
        return Histogram(
            self._named(f"{name}_seconds", labels),
            help_text,
            labels,
            buckets=_FAST_SECONDS,
            registry=self.registry,
        )

    def _sizes(self, name: str, help_text: str) -> Histogram:
        return Histogram(self._named(name, ()), help_text, buckets=_SIZES, registry=self.registry)

    def _named(self, name: str, labels: tuple[str, ...]) -> str:
        full = f"classdrop_{name}"
        self.labels[full] = labels
        return full


@dataclass(frozen=True, slots=True)
class _Report:
    ok: bool
    detail: str
    at: float
    good_until: float | None


@dataclass(slots=True)
class Health:
    """What the parts of a process say of themselves. A part that never spoke is not well."""

    parts: Sequence[str] = ("redis", "fence", "ledger", "feed")
    draining: bool = False
    clock: Callable[[], float] = time.monotonic  # seconds
    _reports: dict[str, _Report] = field(default_factory=dict)
    _last_beat: float | None = None

    def report(
        self, part: str, ok: bool, detail: str = "", good_for_s: float | None = None
    ) -> None:
        """`good_for_s` is for parts that report in turn: silence beyond it counts as not well."""
        now = self.clock()
        until = None if good_for_s is None else now + good_for_s
        self._reports[part] = _Report(ok, redacted(detail), now, until)

    def drain(self) -> None:
        """From now on not ready: routers stop sending new connections before we end the old."""
        self.draining = True

    def beat(self) -> None:
        """The event loop runs (see `watch_loop`)."""
        self._last_beat = self.clock()

    async def livez(self) -> tuple[bool, Mapping[str, object]]:
        """Depends on nothing outside: a lost Redis is no reason to be restarted."""
        age = None if self._last_beat is None else self.clock() - self._last_beat
        ok = age is None or age < _LOOP_DEAD_AFTER_S
        return ok, {"ok": ok, "loop_beat_age_seconds": age and round(age, 3)}

    async def readyz(self) -> tuple[bool, Mapping[str, object]]:
        """False while draining, and while any part is not well; the answer names which."""
        names = dict.fromkeys([*self.parts, *self._reports])
        parts = {name: self._state_of(name) for name in names}
        ok = not self.draining and all(part["ok"] for part in parts.values())
        return ok, {"ok": ok, "draining": self.draining, "parts": parts}

    def _state_of(self, name: str) -> dict[str, object]:
        report = self._reports.get(name)
        if report is None:
            return {"ok": False, "detail": "has not reported yet"}
        now = self.clock()
        age = round(now - report.at, 3)
        if report.good_until is not None and now > report.good_until:
            return {
                "ok": False,
                "detail": f"silent; last said: {report.detail}",
                "age_seconds": age,
            }
        return {"ok": report.ok, "detail": report.detail, "age_seconds": age}


async def watch_loop(metrics: Metrics, health: Health) -> None:
    """Measures how late timers run, until cancelled. One per process, owned by its task group."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _LOOP_BEAT_S
        await asyncio.sleep(_LOOP_BEAT_S)
        metrics.loop_lag.observe(max(0.0, loop.time() - due))
        health.beat()
