"""Structured logs, in which secrets and tokens are redacted.

Configured once in every process by the command line, before anything is logged. A leaf: knows nothing of
what is logged. No token and no secret ever reaches a log.
"""

import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO
from urllib.parse import unquote

import orjson
import structlog

REDACTED = "[redacted]"
_PRIVATE_KEY = re.compile(r"token|secret|authorization|password|cookie", re.IGNORECASE)
_PRIVATE_TEXT = (
    (re.compile(r"eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){0,2}"), REDACTED),
    (re.compile(r"(?<=[#?&]token=)[^\s\"'\\&]+"), REDACTED),
    (re.compile(r"(?i)(?<=bearer )[^\s\"'\\]+"), REDACTED),
    # Greedy, to the last @: a password that is not percent-encoded may contain any other character.
    (re.compile(r"(?<=://)[^\s@\"']*:[^\s\"']*(?=@)"), REDACTED),
)
# A shorter text may be a part of any word. The user and password of a URL are hidden at any length.
_MIN_HIDDEN_CHARS = 6
_hidden_texts: list[
    str
] = []  # global, because all loggers of a process share it; see `hide_in_logs`


def configure_logs(
    role: str, stream: TextIO | None = None, level: int = logging.INFO, form: str = "json"
) -> None:
    """Write JSON lines to stderr: ts, level, event, role, process_id and the event's own fields.

    The format is the same for structlog and for libraries that use `logging`. `form` "text" writes lines
    for people; "auto" does so where stderr is a terminal.
    """
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
    # An access line for each request would cost more than the request, and log the client's address.
    logging.getLogger("uvicorn.access").disabled = True
    for noisy in ("uvicorn.error", "alembic", "httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def hide_in_logs(secrets: Iterable[str]) -> None:
    """Redact these texts from now on in every log line of this process and in `redacted`.

    Each is redacted as it is, percent-decoded, and as a traceback or JSON writes it. A second call replaces
    the texts of the first.
    """
    spellings = {form for secret in secrets for form in (secret, unquote(secret))}
    spellings |= {repr(form)[1:-1] for form in spellings}
    spellings |= {orjson.dumps(form).decode()[1:-1] for form in spellings}
    hidden = (form for form in spellings if len(form) >= _MIN_HIDDEN_CHARS)
    # Replace the longest first: a text may be the beginning of another one.
    _hidden_texts[:] = sorted(hidden, key=len, reverse=True)


def redacted(text: str) -> str:
    """Return `text` without the hidden texts and without anything like a token or a URL's password."""
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
    # First values are redacted by their key, then the whole line by pattern, which also finds a secret in
    # a nested value or a traceback.
    line = orjson.dumps(_without_private_keys(event), default=str, option=orjson.OPT_NON_STR_KEYS)
    return redacted(line.decode())


def _to_text_line(_logger: object, _name: str, event: Any) -> str:
    """Format as `18:20:52 web     web_up port=8000`; every level but info is written out."""
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
