"""The settings of an installation: the only reader of the `CLASSDROP_*` environment variables.

Called by the command line (`server.commands`), which passes the frozen result down. The variables and their
defaults are in `setting_variables.py`. A leaf: knows nothing of what the values are used for.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from server.configuration import service_urls
from server.configuration.setting_variables import VARIABLES, Variable


class SettingsError(Exception):
    """One line for each invalid setting, which starts with the name of its variable."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Settings:
    """The validated values. Fields that may contain a password or a secret are not in the repr."""

    redis_url: str | None = field(repr=False)
    database_url: str | None = field(repr=False)
    database_connections: int
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
    demo_shop: bool | None  # None: not set
    key_prefix: str
    accept_weak_redis: bool
    replicas: int
    lock_seconds: int
    event_days: int
    webhook_private: bool
    messages_per_day: int
    messages_per_week: int
    quiet_hours: tuple[time, time] | None
    message_language: str
    remind_before_hours: tuple[int, ...]
    smtp_url: str | None = field(repr=False)
    mail_from: str | None
    undo_seconds: int
    support_coupons_a_day: int
    approval_students: int
    approval_amount: int
    approval_days: int
    invite_channels: frozenset[str] | None  # None: every channel
    traces_url: str | None = field(repr=False)
    traces_ratio: float
    log_format: str
    apportionment: str
    discount_base: str

    def secret_texts(self) -> list[str]:
        """Return the texts that must not reach a log: the secrets, and the passwords in both URLs."""
        passwords = [
            password
            for url in (self.redis_url, self.database_url, self.smtp_url, self.traces_url)
            for password in service_urls.passwords_in(url or "")
        ]
        return [*self.secrets, *passwords]


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and validate the variables of `environ`, by default those of the process.

    An empty variable counts as absent. Raises SettingsError, which lists every invalid variable.
    """
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
    """Return the environment of a child process: our own, with `overrides`."""
    return {**os.environ, **overrides}


def _text_of(variable: Variable, environ: Mapping[str, str]) -> tuple[str, str]:
    for name in filter(None, (variable.name, variable.also)):
        text = environ.get(name, "").strip()
        if text and not _is_injected(variable, text):
            return name, text
    return variable.name, variable.default


def _is_injected(variable: Variable, text: str) -> bool:
    """Return whether Kubernetes set the variable.

    For a service named `classdrop` it sets CLASSDROP_PORT=tcp://10.0.0.1:8000 in every container: the
    address of that service, not a port that the operator chose.
    """
    return variable.field == "port" and text.startswith(("tcp://", "udp://"))
