"""Small changes to a source text that some test must notice.

Called by `__main__.py`. Python sources are changed along their syntax tree, Lua scripts along their lines.
Knows neither tests nor processes.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Is: "is not",
    ast.IsNot: "is",
}
_OPERATE: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "+",
    ast.FloorDiv: "*",
    ast.Mod: "*",
}
_SWAP = {"min": "max", "max": "min", "any": "all", "all": "any"}
_LUA: tuple[tuple[str, str], ...] = (
    (r"(?<![<>=~])<(?![=])", "<="),
    (r"<=", "<"),
    (r"(?<![<>=~-])>(?![=])", ">="),
    (r">=", ">"),
    (r"==", "~="),
    (r"~=", "=="),
    (r"\band\b", "or"),
    (r"\bor\b", "and"),
    (r"(?<=[ (,])\+ ", "- "),
    (r"\bnot ", ""),
)
_LUA_STATEMENT = re.compile(r"^\s*redis\.call\(.*\)\s*$")


@dataclass(frozen=True, slots=True)
class Mutant:
    """`file` (path from the root) with its whole text after one change. `key` names the change without line
    numbers, so that a list of allowed survivors stays true when lines move."""

    file: str
    line: int
    before: str
    after: str
    text: str

    @property
    def key(self) -> str:
        return f"{self.file}: {self.before} -> {self.after}"


def mutants_of(file: str, text: str) -> Iterator[Mutant]:
    """Yield one mutant for each single change, in the order of the text."""
    changes = _lua_changes(text) if file.endswith(".lua") else _python_changes(text)
    lines = text.splitlines(keepends=True)
    for line, start, end, new in changes:
        old = lines[line - 1]
        changed = old[:start] + new + old[end:]
        whole = "".join([*lines[: line - 1], changed, *lines[line:]])
        yield Mutant(file, line, old.strip(), changed.strip(), whole)


def _python_changes(text: str) -> list[tuple[int, int, int, str]]:
    """(line, start column, end column, new text); only changes within one line."""
    tree = ast.parse(text)
    given = {id(part) for node in ast.walk(tree) for part in _definitions_in(node)}
    found = []
    for node in ast.walk(tree):
        if id(node) in given:
            continue
        for place, new in _changes_of(node, text):
            if place is not None:
                found.append((*place, new))
    return sorted(found)


def _definitions_in(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is not a rule but its definition: a decorator, a named constant (tests use its name)."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            for decorator in node.decorator_list:
                yield from ast.walk(decorator)
        case ast.Call(func=ast.Name(id="zip"), keywords=[strict]):
            yield from ast.walk(strict)  # a check of our own code, not a rule
        case ast.Module():
            for each in node.body:
                if isinstance(each, ast.Assign | ast.AnnAssign):
                    yield from ast.walk(each)


_Place = tuple[int, int, int] | None


def _changes_of(node: ast.AST, text: str) -> Iterator[tuple[_Place, str]]:
    if isinstance(node, ast.Constant):
        yield from _changes_of_constant(node)
    else:
        yield from _changes_of_operation(node, text)


def _changes_of_constant(node: ast.Constant) -> Iterator[tuple[_Place, str]]:
    if isinstance(node.value, bool):
        yield _whole(node), str(not node.value)
    elif isinstance(node.value, int):
        yield _whole(node), str(node.value + 1)


def _changes_of_operation(node: ast.AST, text: str) -> Iterator[tuple[_Place, str]]:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
            yield _between(left, right), f" {_COMPARE[type(op)]} "
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATE:
            yield _between(left, right, text), f" {_OPERATE[type(operator)]} "
        case ast.BoolOp(op=boolean, values=[first, second]):
            yield _between(first, second, text), " or " if isinstance(boolean, ast.And) else " and "
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield _between_starts(node, operand), ""
        case ast.Call(func=ast.Name(id=name) as called) if name in _SWAP:
            yield _whole(called), _SWAP[name]


def _whole(node: ast.expr | ast.stmt) -> _Place:
    if node.end_lineno != node.lineno or node.end_col_offset is None:
        return None
    return node.lineno, node.col_offset, node.end_col_offset


def _between(left: ast.expr, right: ast.expr, text: str | None = None) -> _Place:
    """The operator between two operands of one line, unless a bracket stands there."""
    if left.end_lineno != right.lineno or left.end_col_offset is None:
        return None
    if text is not None:
        gap = text.splitlines()[right.lineno - 1][left.end_col_offset : right.col_offset]
        if "(" in gap or ")" in gap:
            return None
    return right.lineno, left.end_col_offset, right.col_offset


def _between_starts(outer: ast.expr, inner: ast.expr) -> _Place:
    if outer.lineno != inner.lineno:
        return None
    return outer.lineno, outer.col_offset, inner.col_offset


def _lua_changes(text: str) -> Iterator[tuple[int, int, int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        code = line.partition("--")[0]
        for pattern, new in _LUA:
            for match in re.finditer(pattern, code):
                yield number, match.start(), match.end(), new
        if _LUA_STATEMENT.match(code):
            yield number, 0, len(code.rstrip()), "local _ = nil"
