import re
from datetime import time
from pathlib import Path

import pytest

from server.configuration.settings import Settings, SettingsError, read_settings
from tests.support.rendered import settings_table

SECRET = "k7Jq2-vXw9Zr4Tn8Lm1Pb6Yc3Hd5Gf0Ss"


def problems_of(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        read_settings(environ)
    return refused.value.problems


def test_defaults_are_those_of_one_machine() -> None:
    settings = read_settings({})

    assert (settings.host, settings.port, settings.processes) == ("127.0.0.1", 8000, 1)
    assert settings.redis_url is settings.database_url is settings.public_url is None
    assert settings.secrets == settings.allowed_origins == settings.trusted_proxies == ()
    assert settings.data_dir == Path.cwd() / ".data"
    assert not settings.accept_weak_redis


def test_empty_variable_counts_as_absent() -> None:
    assert read_settings({"CLASSDROP_PORT": " ", "CLASSDROP_REDIS_URL": ""}) == read_settings({})


def test_platform_port_is_used_where_ours_is_absent() -> None:
    assert read_settings({"PORT": "5000"}).port == 5000
    assert read_settings({"PORT": "5000", "CLASSDROP_PORT": "6000"}).port == 6000


@pytest.mark.parametrize("injected", ["tcp://10.0.0.1:8000", "udp://10.0.0.1:8000"])
def test_port_that_kubernetes_injects_for_a_service_counts_as_absent(injected: str) -> None:
    assert read_settings({"CLASSDROP_PORT": injected}).port == 8000
    assert read_settings({"CLASSDROP_PORT": injected, "PORT": "5000"}).port == 5000


def test_every_bad_value_is_told_at_once_with_its_variable() -> None:
    problems = problems_of(
        CLASSDROP_PORT="http",
        CLASSDROP_PROCESSES="0",
        CLASSDROP_REDIS_URL="http://redis",
        CLASSDROP_TIME_ZONE="Moon/Base",
    )

    assert [line.split()[0] for line in problems] == [
        "CLASSDROP_REDIS_URL",
        "CLASSDROP_PORT",
        "CLASSDROP_PROCESSES",
        "CLASSDROP_TIME_ZONE",
    ]
    assert not any("\n" in line for line in problems)


def test_bad_platform_port_is_blamed_on_the_variable_that_was_set() -> None:
    assert problems_of(PORT="x") == ["PORT must be a whole number from 1 to 65535"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLASSDROP_REDIS_URL", "redis"),
        ("CLASSDROP_REDIS_URL", "redis://"),
        ("CLASSDROP_DATABASE_URL", "mysql://h/d"),
        ("CLASSDROP_DATABASE_URL", "sqlite://"),
        ("CLASSDROP_DATABASE_URL", "sqlite:///"),
        ("CLASSDROP_HOST", "not a host"),
        ("CLASSDROP_PORT", "65536"),
        ("CLASSDROP_QUIET_HOURS", "21:30"),
        ("CLASSDROP_QUIET_HOURS", "21:30-25:00"),
        ("CLASSDROP_QUIET_HOURS", "08:30-08:30"),
        ("CLASSDROP_REMIND_BEFORE_HOURS", "72,24,1"),
        ("CLASSDROP_REMIND_BEFORE_HOURS", "0"),
        ("CLASSDROP_REMIND_BEFORE_HOURS", "721"),
        ("CLASSDROP_REMIND_BEFORE_HOURS", "a day"),
        ("CLASSDROP_SMTP_URL", "mail.school.example"),
        ("CLASSDROP_SMTP_URL", "smtp://mail:70000"),
        ("CLASSDROP_SMTP_URL", "smtp://mail/path"),
        ("CLASSDROP_TRACES_URL", "collector:4318"),
        ("CLASSDROP_TRACES_URL", "http://collector:70000/v1/traces"),
        ("CLASSDROP_TRACES_RATIO", "1.5"),
        ("CLASSDROP_TRACES_RATIO", "a tenth"),
        ("CLASSDROP_MAIL_FROM", "coupons"),
        ("CLASSDROP_MAIL_FROM", "a@b, c@d"),
        ("CLASSDROP_PORT", "8_000"),
        ("CLASSDROP_PROCESSES", "-1"),
        ("CLASSDROP_PUBLIC_URL", "drops.school.example"),
        ("CLASSDROP_PUBLIC_URL", "https://drops.school.example/path"),
        ("CLASSDROP_ALLOWED_ORIGINS", "https://a.example, *"),
        ("CLASSDROP_ALLOWED_ORIGINS", "https://a.example:99999"),
        ("CLASSDROP_ALLOWED_ORIGINS", "https://user@a.example"),
        ("CLASSDROP_TRUSTED_PROXIES", "10.0.0.0/8,proxy"),
        ("CLASSDROP_TIME_ZONE", "../../etc/passwd"),
        ("CLASSDROP_KEY_PREFIX", "a{b}"),
        ("CLASSDROP_KEY_PREFIX", "a:b"),
        ("CLASSDROP_ACCEPT_WEAK_REDIS", "yes"),
    ],
)
def test_value_that_cannot_be_used_is_refused(name: str, value: str) -> None:
    (problem,) = problems_of(**{name: value})

    assert problem.startswith(f"{name} must ")


@pytest.mark.parametrize(
    "secret",
    [
        "short",
        "a" * 40,
        "your-256-bit-secret-your-256-bit-secret",
        "CHANGEMECHANGEMECHANGEMECHANGEME",
        f"{SECRET},short",
        f"{SECRET},",
    ],
)
def test_secret_that_can_be_guessed_is_refused_and_not_repeated(secret: str) -> None:
    (problem,) = problems_of(CLASSDROP_SECRET=secret)

    assert problem.startswith("CLASSDROP_SECRET ")
    assert "short" not in problem
    assert SECRET not in problem


def test_several_secrets_keep_their_order() -> None:
    settings = read_settings({"CLASSDROP_SECRET": f"{SECRET}1, {SECRET}2"})

    assert settings.secrets == (f"{SECRET}1", f"{SECRET}2")


def test_nothing_secret_shows_in_the_repr() -> None:
    settings = read_settings(
        {
            "CLASSDROP_SECRET": SECRET,
            "CLASSDROP_REDIS_URL": "redis://u:hunter2@h/0",
            "CLASSDROP_DATABASE_URL": "postgresql://u:hunter2@h/d",
        }
    )

    assert SECRET not in repr(settings)
    assert "hunter2" not in repr(settings)


def test_secret_texts_are_the_secrets_and_the_passwords_of_both_addresses() -> None:
    settings = read_settings(
        {
            "CLASSDROP_SECRET": SECRET,
            "CLASSDROP_REDIS_URL": "redis://:first@h/0",
            "CLASSDROP_DATABASE_URL": "postgresql://u:second@h/d",
        }
    )

    assert settings.secret_texts() == [SECRET, "first", "second"]


def test_password_in_a_bad_url_is_not_repeated() -> None:
    (problem,) = problems_of(CLASSDROP_REDIS_URL="http://u:hunter2@h")

    assert "hunter2" not in problem


def test_database_url_as_platforms_spell_it_is_understood() -> None:
    settings = read_settings({"CLASSDROP_DATABASE_URL": "postgres://u:p@h/d"})

    assert settings.database_url == "postgresql://u:p@h/d"


def test_origins_are_written_as_browsers_write_them() -> None:
    settings = read_settings(
        {"CLASSDROP_ALLOWED_ORIGINS": "HTTPS://School.example:443/, http://[::1]:80, http://a:81"}
    )

    assert settings.allowed_origins == ("https://school.example", "http://[::1]", "http://a:81")


def test_proxies_may_be_addresses_networks_or_all() -> None:
    settings = read_settings({"CLASSDROP_TRUSTED_PROXIES": "10.0.0.1, 10.1.0.0/16,*"})

    assert settings.trusted_proxies == ("10.0.0.1", "10.1.0.0/16", "*")


def test_table_names_every_setting_once() -> None:
    named = re.findall(r"^\| `(CLASSDROP_\w+)`", settings_table(), re.MULTILINE)

    assert len(named) == len(set(named)) == len(Settings.__dataclass_fields__)


def test_the_school_s_sign_in_may_have_a_path_and_a_query() -> None:
    url = "https://school.example/sign-in?from=classdrop"
    assert read_settings({"CLASSDROP_LOGIN_URL": url}).login_url == url
    assert read_settings({}).login_url is None


@pytest.mark.parametrize(
    "url",
    [
        "school.example",
        "javascript:alert(1)",
        "https://a@b",
        "https://a:99999/",
        "https://a/#x",
        'https://a/"x',
    ],
)
def test_what_is_no_sign_in_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="CLASSDROP_LOGIN_URL must look like"):
        read_settings({"CLASSDROP_LOGIN_URL": url})


def test_messages_wait_and_count_as_the_operator_says() -> None:
    usual = read_settings({})
    given = read_settings(
        {
            "CLASSDROP_QUIET_HOURS": "none",
            "CLASSDROP_REMIND_BEFORE_HOURS": "24, 72",
            "CLASSDROP_SMTP_URL": "smtp://user:pass-word@mail.school.example:587",
            "CLASSDROP_MAIL_FROM": "Coupons <coupons@school.example>",
        }
    )

    assert usual.quiet_hours == (time(21, 30), time(8, 30))
    assert (usual.messages_per_day, usual.messages_per_week) == (2, 4)
    assert (usual.remind_before_hours, usual.smtp_url, usual.mail_from) == ((), None, None)
    assert (given.quiet_hours, given.remind_before_hours) == (None, (72, 24))
    assert given.mail_from == "Coupons <coupons@school.example>"
    assert "pass-word" in given.secret_texts()
    assert "pass-word" not in repr(given)


def test_traces_go_where_the_operator_says() -> None:
    usual = read_settings({})
    url = "https://user:pass-word@collector.school.example/v1/traces"
    given = read_settings({"CLASSDROP_TRACES_URL": url, "CLASSDROP_TRACES_RATIO": "1.0"})

    assert (usual.traces_url, usual.traces_ratio) == (None, 0.01)
    assert (given.traces_url, given.traces_ratio) == (url, 1.0)
    assert "pass-word" in given.secret_texts()
    assert "pass-word" not in repr(given)


@pytest.mark.parametrize(
    ("text", "channels"),
    [("all", None), ("none", frozenset()), ("app, school mail", {"app", "school mail"})],
)
def test_channels_that_allow_invitations(text: str, channels: frozenset[str] | None) -> None:
    assert read_settings({"CLASSDROP_INVITE_CHANNELS": text}).invite_channels == channels
