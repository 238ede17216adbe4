"""Addresses that hosting companies hand out, and how those that cannot be used are refused."""

import pytest

from server.configuration.service_urls import (
    database_url,
    named_files,
    passwords_in,
    postgresql_address,
)

# As the dashboards of hosting companies show them, with other names.
HANDED_OUT = [
    "postgresql://u:p@ep-x-1.eu.db.example/neondb?sslmode=require&channel_binding=require",
    "postgresql://u:p@h1.db.example:5432,h2.db.example:5433/d?target_session_attrs=read-write",
    "postgres://u:p@db.example:25060/d?sslmode=verify-full&sslrootcert=/etc/ca.pem",
    "postgresql://u:p%40%2F@db.example/d?connect_timeout=10&application_name=drops%20web",
    "postgresql://u@/d?host=/cloudsql/project:zone:db",
    "postgresql://u:p@[2001:db8::1]:5432/d?options=-c%20search_path%3Ddrops",
    "postgresql://u@%2Fvar%2Frun%2Fpostgresql/d",
    "sqlite:///data/ledger.sqlite3",
]
WRONG_DATABASES = {
    "postgresql://u:hunter2/tail@h/d": "@, before the host",
    "postgresql://u:hunter2@tail@h/d": "@, before the host",
    "postgresql://u:hunter2?tail@h/d": "@, before the host",
    "postgresql://u:hunter2#tail@h/d": "#",
    "postgresql://u:hunter2%tail@h/d": "%",
    "postgresql://u:hunter2 tail@h/d": "spaces",
    "postgresql://u:hunter2@h:tail/d": "host:port",
    "postgresql://u:hunter2@h:65536/d": "from 1 to 65535",
    "postgresql://u:hunter2@h:0/d": "from 1 to 65535",
    "postgresql://u:hunter2@h/d?pgbouncer=true": "pgbouncer",
    "postgresql://u:hunter2@h/d?sslmode=always": "sslmode",
    "postgresql://u:hunter2@h/d?connect_timeout=soon": "connect_timeout",
    "postgresql://u:hunter2@h/d?target_session_attrs=standby": "target_session_attrs",
    "postgresql://u:hunter2@h/d?port=tail": "port",
    "postgresql://u:hunter2@h/d?sslmode": "name=value",
    "postgresql://u:p@h/d?hunter2!tail=1": "option that it names",
}


@pytest.mark.parametrize("url", HANDED_OUT)
def test_address_that_is_handed_out_is_taken(url: str) -> None:
    assert database_url(url).partition("://")[2] == url.partition("://")[2]


@pytest.mark.parametrize("url", WRONG_DATABASES)
def test_database_that_cannot_be_meant_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=WRONG_DATABASES[url].replace("?", r"\?")) as refused:
        database_url(url)

    said = str(refused.value)
    assert not {"hunter2", "tail"} & set(said.replace("/", " ").replace("=", " ").split())


def test_driver_gets_what_it_reads_itself_and_nothing_else() -> None:
    address = postgresql_address(
        "postgresql://u:p%40@a,b/d?channel_binding=require&gssencmode=disable&sslmode=require"
        "&connect_timeout=7&options=-c%20jit%3Doff"
    )

    assert address.dsn == "postgresql://u:p%40@a,b/d?sslmode=require&options=-c%20jit%3Doff"
    assert (address.connect_seconds, address.wants_binding) == (7, True)


def test_nothing_said_about_connecting_is_left_to_us() -> None:
    assert postgresql_address("postgresql://h/d?connect_timeout=0").connect_seconds is None
    assert postgresql_address("postgresql://h/d").dsn == "postgresql://h/d"


def test_certificates_of_the_system_are_a_file_of_the_system() -> None:
    dsn = postgresql_address("postgresql://h/d?sslrootcert=system").dsn

    assert "system" not in dsn
    assert "sslrootcert=" in dsn


def test_files_that_an_address_names_can_be_looked_for() -> None:
    url = "postgresql://h/d?sslrootcert=/a&sslkey=/b&sslmode=require"

    assert list(named_files(url)) == [("sslrootcert", "/a"), ("sslkey", "/b")]
    assert list(named_files("postgresql://h/d?sslrootcert=system")) == []


def test_password_is_found_wherever_an_address_has_it() -> None:
    assert list(passwords_in("postgresql://u:one@h/d?password=two&sslpassword=three")) == [
        "one",
        "two",
        "three",
    ]
    assert list(passwords_in("unix:///run/redis.sock")) == []
