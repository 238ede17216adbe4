"""A word of the glossary means one thing in the code."""

import ast
from pathlib import Path

SERVER = Path(__file__).parents[3] / "server"

# A hold is the limit on how long a claimed coupon may stay unused. A row lock is `…_for_update` or `lock_…`.
# Add a name here only if its function is about that limit.
ABOUT_THE_HOLD_OF_A_COUPON = {
    "hold_until",
    "end_holds",
    "overdue_holds",
    "_move_hold",
}


def test_only_functions_about_the_hold_of_a_coupon_are_named_hold() -> None:
    assert set(_functions_named("hold", "holds")) == ABOUT_THE_HOLD_OF_A_COUPON


def _functions_named(*words: str) -> list[str]:
    texts = (path.read_text(encoding="utf-8") for path in SERVER.rglob("*.py"))
    return [
        node.name
        for text in texts
        if any(word in text for word in words)  # parsing all files takes 2 s
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and set(words) & set(node.name.split("_"))
    ]
