"""Students as the school describes them: the forms of a fact, and who is named twice."""

import pytest

from server.core.audiences.students import (
    FactColumns,
    FactValue,
    StudentForm,
    fact_columns,
    name_key,
    student_violations,
)
from server.core.violations import Violation


@pytest.mark.parametrize(
    ("value", "columns"),
    [
        (3, FactColumns(3.0, None, None)),
        (0.5, FactColumns(0.5, None, None)),
        (True, FactColumns(None, "true", None)),
        (False, FactColumns(None, "false", None)),
        ("Xi'an", FactColumns(None, "Xi'an", None)),
        ("1970-01-01T00:00:01Z", FactColumns(None, "1970-01-01T00:00:01Z", 1_000)),
        ("2026-01-01", FactColumns(None, "2026-01-01", None)),
    ],
)
def test_a_fact_has_the_forms_that_rules_compare_with(
    value: FactValue, columns: FactColumns
) -> None:
    assert fact_columns(value) == columns


def test_a_second_naming_is_found() -> None:
    forms = [StudentForm("a"), StudentForm("b"), StudentForm("a")]
    assert list(student_violations(forms)) == [Violation("students.2.id", "duplicate")]


def test_names_are_searched_without_case() -> None:
    assert name_key("ANN Groß") == "ann gross"
