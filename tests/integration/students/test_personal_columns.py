"""Every column of text is known to be a student's or not, so that an erasure forgets none."""

from sqlalchemy import JSON, String, Text

from server.ledger.students.impersonal_columns import IMPERSONAL_COLUMNS
from server.ledger.students.personal_columns import (
    CLEARED_COLUMNS,
    DELETED_ROWS,
    JSON_COLUMNS,
    REASON_COLUMNS,
    REPEATING_COLUMNS,
    STUDENT_COLUMNS,
)
from server.ledger.tables import metadata
from server.ledger.tables.append_only import NAMES

_LONGEST_ID = 40  # a shorter text is an id of ours, a state or a code


def texts() -> set[tuple[str, str]]:
    """Return (table, column) of every column that could hold a student's id or words about them."""
    return {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, JSON | Text)
        or (isinstance(column.type, String) and (column.type.length or 99) > _LONGEST_ID)
    }


def listed() -> set[tuple[str, str]]:
    lists = (
        STUDENT_COLUMNS,
        JSON_COLUMNS,
        CLEARED_COLUMNS,
        REPEATING_COLUMNS,
        REASON_COLUMNS,
        IMPERSONAL_COLUMNS,
    )
    return {
        (table, column) for one in lists for table, columns in one.items() for column in columns
    }


def test_every_column_of_text_is_in_a_list() -> None:
    deleted = {one for one in texts() if one[0] in DELETED_ROWS}
    missing = texts() - listed() - deleted

    assert missing == set(), "say in personal_columns.py or impersonal_columns.py what these hold"


def test_the_lists_name_columns_that_exist() -> None:
    exist = {(table.name, column.name) for table in metadata.tables.values() for column in table.c}

    assert listed() <= exist
    assert set(DELETED_ROWS) <= set(metadata.tables)


def test_a_column_called_student_is_a_students() -> None:
    called = {table.name for table in metadata.tables.values() if "student" in table.c}

    assert called <= set(STUDENT_COLUMNS)


def test_names_in_append_only_rows_can_be_replaced() -> None:
    for table, names in NAMES.items():
        personal = {*STUDENT_COLUMNS.get(table, ()), *JSON_COLUMNS.get(table, ())}
        assert personal == set(names)
