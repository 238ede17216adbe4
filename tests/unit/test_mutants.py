"""The changes that `make mutants` makes, and that its loop tells a killed mutant from a survivor."""

from pathlib import Path

import pytest

from tests.mutants.loop import survivors
from tests.mutants.mutations import Mutant, mutants_of
from tests.mutants.placing import is_swappable


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("if a < b:", "if a <= b:"),
        ("if a in b:", "if a not in b:"),
        ("return a + 1", "return a - 1"),
        ("return a and b", "return a or b"),
        ("return not a", "return a"),
        ("return True", "return False"),
        ("return min(a, b)", "return max(a, b)"),
    ],
)
def test_a_python_rule_is_broken_in_each_place(code: str, changed: str) -> None:
    body = f"def f(a, b):\n    {code}\n" + ("        pass\n" if code.endswith(":") else "")

    assert changed in {mutant.after for mutant in mutants_of("x.py", body)}


def test_a_named_constant_and_a_decorator_are_no_rules() -> None:
    assert (
        list(mutants_of("x.py", "LIMIT = 100\n@dataclass(frozen=True)\nclass A:\n    pass\n")) == []
    )


def test_a_lua_rule_is_broken_outside_of_its_comments() -> None:
    script = "-- a < b\nif now >= closes_at then\n  redis.call('DEL', key)\nend\n"

    assert {mutant.after for mutant in mutants_of("x.lua", script)} == {
        "if now > closes_at then",
        "local _ = nil",
    }


def test_a_mutant_survives_tests_that_do_not_see_it(tmp_path: Path) -> None:
    test = tmp_path / "test_nothing.py"
    test.write_text("def test_passes():\n    pass\n")
    mutant = Mutant("server/core/rates.py", 1, "a", "b", "")

    assert survivors([mutant], [str(test)], lambda _: True) == [mutant]
    assert survivors([mutant], [str(test)], lambda _: False) == []


def test_a_change_of_a_default_cannot_be_swapped() -> None:
    path = "server/core/rates.py"
    text = (Path(__file__).parents[2] / path).read_text("utf-8")
    inside = next(mutant for mutant in mutants_of(path, text) if "_filled_at" in mutant.before)

    assert is_swappable(inside)
    assert not is_swappable(Mutant(path, 1, "", "", text + "\nOTHER = 1\n"))
