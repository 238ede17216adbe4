from server.core.refusals import Code
from server.core.violations import Violation, refused


def test_all_violations_go_into_one_refusal() -> None:
    answer = refused([Violation("name", "too_long"), Violation("scope", "missing")])
    assert answer.code is Code.INVALID_FIELD
    assert answer.detail == "name: too_long; scope: missing"
    assert answer.facts["errors"] == [
        {"field": "name", "code": "too_long"},
        {"field": "scope", "code": "missing"},
    ]
