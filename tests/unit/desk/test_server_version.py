import pytest

from server.desk.redis.server_version import ServerVersion


def version(text: str) -> ServerVersion:
    found = ServerVersion.parse(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", "redis 7.0.15"),
        ("Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64", "valkey 9.1.2"),
        ("redis 7.0.15\n", "redis 7.0.15"),
    ],
)
def test_version_is_read_from_what_servers_say(text: str, said: str) -> None:
    assert str(version(text)) == said


@pytest.mark.parametrize("text", ["", "memcached 1.6", "redis", "command not found: redis 7"])
def test_anything_else_is_no_version(text: str) -> None:
    assert ServerVersion.parse(text) is None


@pytest.mark.parametrize(
    ("text", "is_supported"), [("redis 6.2.20", False), ("redis 7.0", True), ("valkey 9.1", True)]
)
def test_seven_is_the_oldest(text: str, is_supported: bool) -> None:
    assert version(text).is_supported is is_supported


@pytest.mark.parametrize(
    ("reader", "writer", "can_read"),
    [
        ("redis 7.0.15", "redis 7.0.15", True),
        ("redis 7.0.15", "redis 7.0.14", True),
        ("redis 7.0.15", "redis 7.2.0", False),
        ("redis 7.10.0", "redis 7.9.0", True),
        ("valkey 9.1.2", "redis 7.0.15", True),
        ("valkey 9.1.2", "redis 7.2.9", True),
        ("valkey 9.1.2", "redis 7.4.0", False),
        ("valkey 9.1.2", "redis 8.0.0", False),
        ("redis 8.0.0", "valkey 7.2.0", False),
    ],
)
def test_a_server_reads_what_its_elders_wrote(reader: str, writer: str, can_read: bool) -> None:
    assert version(reader).can_read(version(writer)) is can_read


def test_an_empty_folder_can_be_read_by_all() -> None:
    assert version("redis 7.0.15").can_read(None)
