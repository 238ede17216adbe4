"""The shapes of the JavaScript SDK's types, which are JSDoc typedefs."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.contract.shape import Field, Shape, field, merged


class JsDoc:
    """The typedefs of a folder of JavaScript modules, by name."""

    def __init__(self, folder: Path) -> None:
        self._texts = {
            name: text
            for path in sorted(folder.glob("*.js"))
            for name, text in _typedefs(path.read_text())
        }

    @property
    def names(self) -> set[str]:
        return set(self._texts)

    def named(self, name: str) -> Shape:
        kind, rest = _braced(self._texts[name])
        if kind != "object":
            return self.shape(kind)
        return {"object": dict(self._properties(rest))}

    def _properties(self, text: str) -> Iterator[tuple[str, Field]]:
        for kind, name in tagged(text, "property"):
            required = not name.startswith("[")
            yield name.strip("[]"), field(self.shape(kind), required=required)

    def shape(self, text: str) -> Shape:
        return _JsType(text, self).whole()


def tagged(comment: str, tag: str) -> Iterator[tuple[str, str]]:
    """Yield (type, next word) of each such tag of a comment."""
    for found in re.finditer(rf"@{tag} (?=\{{)", comment):
        kind, rest = _braced(comment[found.end() :])
        yield kind, (rest.split() or [""])[0]


def _typedefs(source: str) -> Iterator[tuple[str, str]]:
    """Yield (name, text of the comment from the type on) of each typedef."""
    for comment in re.findall(r"/\*\*(.*?)\*/", source, re.DOTALL):
        text = re.sub(r"\n\s*\* ?", "\n", comment)
        found = re.search(r"@typedef (?=\{)", text)
        if found:
            kind, rest = _braced(text[found.end() :])
            yield rest.split()[0], "{" + kind + "}" + rest


def _braced(text: str) -> tuple[str, str]:
    """Split the text, which begins with a brace, into the content of the braces and the rest."""
    depth = 0
    for index, letter in enumerate(text):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth == 0:
            return text[1:index], text[index + 1 :]
    raise ValueError(f"braces without an end: {text[:60]}")


class _JsType:
    """A parser of the types that stand in our JSDoc."""

    _TOKEN = re.compile(r'\s*("[^"]*"|[A-Za-z_]\w*|\[\]|[{}()<>|&:;,?])')

    def __init__(self, text: str, known: JsDoc) -> None:
        self._tokens = self._TOKEN.findall(text)
        self._known = known

    def whole(self) -> Shape:
        shape = self._union()
        if self._tokens:
            raise ValueError(f"not understood: {self._tokens}")
        return shape

    def _next(self, expected: str | None = None) -> str:
        token: str = self._tokens.pop(0)
        if expected not in (None, token):
            raise ValueError(f"{token} where {expected} is expected")
        return token

    def _is(self, token: str) -> bool:
        if self._tokens[:1] == [token]:
            self._tokens.pop(0)
            return True
        return False

    def _union(self) -> Shape:
        self._is("|")
        shapes = [self._both()]
        while self._is("|"):
            shapes.append(self._both())
        return merged(shapes)

    def _both(self) -> Shape:
        shape = self._listed()
        while self._is("&"):
            shape = {"object": {**shape["object"], **self._listed()["object"]}}
        return shape

    def _listed(self) -> Shape:
        shape = self._single()
        while self._is("[]"):
            shape = {"list": shape}
        return shape

    def _single(self) -> Shape:
        token = self._next()
        if token in "(<":
            shape = self._union()
            self._next({"(": ")", "<": ">"}[token])
            return shape
        if token == "{":
            return {"object": dict(self._fields())}
        if token.startswith('"'):
            return {"string": frozenset({token.strip('"')})}
        if token in _JAVASCRIPT:
            return {_JAVASCRIPT[token]: None}
        return self._record() if token == "Record" else self._known.named(token)

    def _record(self) -> Shape:
        self._next("<")
        self._union()
        self._next(",")
        values = self._union()
        self._next(">")
        return {"map": values}

    def _fields(self) -> Iterator[tuple[str, Field]]:
        while not self._is("}"):
            name = self._next()
            required = not self._is("?")
            self._next(":")
            yield name, field(self._union(), required=required)
            self._is(",") or self._is(";")


_JAVASCRIPT: Mapping[str, str] = {
    "string": "string",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
    "unknown": "any",
    "object": "any",
}
