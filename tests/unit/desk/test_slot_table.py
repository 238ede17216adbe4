"""The table of slots, as CLUSTER SLOTS tells it and MOVED changes it."""

import pytest

from server.desk.redis.cluster import _key_in
from server.desk.redis.slot_table import Address, SlotTable, slot_of

ONE, TWO = Address("10.0.0.1", 7000), Address("10.0.0.2", 7001)
ROWS = [
    [0, 99, [b"10.0.0.1", 7000, b"id1", []], [b"10.0.0.9", 7009, b"id9", []]],
    [100, 16_383, [b"10.0.0.2", 7001, b"id2", []]],
]


def test_each_slot_has_the_primary_of_its_row() -> None:
    table = SlotTable.read(ROWS, "asked")

    assert [table.owner(slot) for slot in (0, 99, 100, 16_383)] == [ONE, ONE, TWO, TWO]
    assert table.primaries() == [ONE, TWO]


@pytest.mark.parametrize("unnamed", [None, b"", b"?"])
def test_a_node_without_a_name_is_at_the_host_that_was_asked(unnamed: bytes | None) -> None:
    table = SlotTable.read([[0, 16_383, [unnamed, 7000, b"id1"]]], "asked")

    assert table.primaries() == [Address("asked", 7000)]


def test_a_slot_that_has_moved_is_at_its_new_primary_alone() -> None:
    table = SlotTable.read(ROWS, "asked")
    table.move(5, TWO)

    assert [table.owner(slot) for slot in (4, 5, 6)] == [ONE, TWO, ONE]


def test_slots_that_nobody_has_are_known_as_such() -> None:
    table = SlotTable.read(ROWS[:1], "asked")

    assert table.owner(100) is None


def test_keys_of_one_tag_are_in_one_slot() -> None:
    assert slot_of("p:{d3}:fence") == slot_of(b"p:{d3}:outbox") == slot_of("d3")


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (("HGET", "k", "field"), "k"),
        (("XINFO GROUPS", b"k"), b"k"),
        (("EVALSHA", "sha", 2, "k", "other", "argument"), "k"),
        (("XREADGROUP", b"GROUP", "g", "c", b"COUNT", "9", b"STREAMS", b"k", ">"), b"k"),
    ],
)
def test_the_key_of_a_command_is_found(command: tuple[object, ...], key: str | bytes) -> None:
    assert _key_in(command) == key


@pytest.mark.parametrize("command", [("TIME",), ("INFO", "server"), ("EVALSHA", "sha", 0)])
def test_a_command_that_concerns_a_server_is_not_routed(command: tuple[object, ...]) -> None:
    with pytest.raises((TypeError, ValueError), match="ask each primary"):
        _key_in(command)
