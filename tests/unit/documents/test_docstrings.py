"""Docstrings begin with the verb or the noun that they are about, so that each has a subject.

ruff's D401 sees that functions begin with an imperative verb. Modules, classes and properties begin with a
noun; none begins with a preposition or a question word, which would leave the reader to find the subject.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WITHOUT_A_SUBJECT = {
    "After",
    "As",
    "At",
    "Because",
    "Before",
    "Behind",
    "Beside",
    "Between",
    "By",
    "For",
    "From",
    "How",
    "If",
    "In",
    "Never",
    "Nobody",
    "Nothing",
    "Of",
    "On",
    "Since",
    "To",
    "Until",
    "Up",
    "What",
    "When",
    "Where",
    "Whether",
    "Which",
    "While",
    "Who",
    "Whoever",
    "Whom",
    "Whose",
    "With",
    "Without",
}


def first_words(path: Path) -> Iterator[tuple[int, str]]:
    """The line and the first word of each docstring of a module."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            word = re.match(r"\w+", ast.get_docstring(node) or "")
            if word is not None:
                yield getattr(node, "lineno", 1), word[0]


@pytest.mark.parametrize("folder", ["server", "client_sdk", "loadtest", "tests"])
def test_every_docstring_has_a_subject(folder: str) -> None:
    paths = [path for path in sorted((ROOT / folder).rglob("*.py")) if "versions" not in path.parts]
    found = [
        f"{path.relative_to(ROOT)}:{line}: {word} …"
        for path in paths
        for line, word in first_words(path)
        if word in WITHOUT_A_SUBJECT
    ]

    assert paths
    assert found == [], "\n".join(found)


def test_a_docstring_without_a_subject_is_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        '"""Rules of a drop."""\n\n\ndef f() -> None:\n    """Of whomsoever it is."""\n'
    )

    assert [word for _, word in first_words(module) if word in WITHOUT_A_SUBJECT] == ["Of"]
