"""The SDKs' types are those of the server's OpenAPI document: every reply, every request body.

Every method of the Python `Api` is called with a recorder in place of HTTP, so that its method, path, type
and body are known; those of the JavaScript `Api` are read from its source. Shapes that go over the socket
only are compared between the two SDKs.
"""

import asyncio
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints, is_typeddict

import pytest

from client_sdk.python import Api, shapes
from client_sdk.python.api import Api as RoomApi
from server.api.app import ENDPOINTS
from server.api.http import health
from server.api.http.document import docs
from server.api.http.document.openapi import document
from tests.contract.jsdoc_shapes import JsDoc, tagged
from tests.contract.openapi_shapes import OpenApi
from tests.contract.python_shapes import python_shape
from tests.contract.shape import ANY, Field, Shape, differences, field

SDK = Path(__file__).parents[2] / "client_sdk"
OPENAPI = OpenApi(document(ENDPOINTS, (*health.PUBLIC_ENDPOINTS, *docs.PUBLIC_ENDPOINTS), "1"))
JSDOC = JsDoc(SDK / "javascript/shapes")

# Frames for instructors add the counters; a snapshot is for students and has none.
ONLY_IN_FRAMES = {
    f"snapshot.drops[].{name}: not known to the server"
    for name in (
        "claimed",
        "confirmed",
        "entered",
        "present",
        "reached",
        "redeemed",
        "released",
        "returned",
        "revoked",
        "settled_difference",
    )
}
# Replies that are text, or JSON without a listed shape.
UNTYPED = {
    "count_visitor",
    "drop_qr",
    "export_acts",
    "export_codes",
    "import_result",
    "job_result",
    "link_card",
    "link_qr",
    "coupon_qr",
    "live",
    "metrics",
    "openapi",
    "ready",
    "statement_file",
    "report_file",
    "ticket_card",
}
NO_CALLS = {"aclose", "fresh_token"}
_SENT_IF_GIVEN = ("payment", "client_random", "version", "metadata")  # parameters with a default


@dataclass(frozen=True)
class Call:
    """The request of an SDK's method, and its reply. `body` None: it sends none."""

    method: str
    path: str
    reply: Shape
    body: Shape | None


class _Form(dict[str, object]):
    """Stands for an argument of the type `kind`."""

    def __init__(self, kind: Any) -> None:
        super().__init__(any="value")
        self.kind = kind


class _Recorder(Api):
    """An Api whose calls go nowhere; `seen` is the last one."""

    seen: Call

    async def _call(self, shape: Any, method: str, path: str, body: object = None, **_: Any) -> Any:
        self.seen = Call(method, path, python_shape(shape), _body(body))


def _body(body: object) -> Shape | None:
    if isinstance(body, _Form):
        return python_shape(body.kind)
    return _written(body) if isinstance(body, Mapping) else None


def _written(names: Iterable[str]) -> Shape:
    """Return the shape of a body that is written out where it is sent: its fields have no declared types."""
    return {"object": {name: Field(ANY, required=True) for name in names}}


def _argument(kind: Any) -> object:
    """Return a value for a parameter of this type: the TypedDict's where one may stand there."""
    for each in (kind, *get_args(kind)):
        if is_typeddict(each):
            return _Form(each)
    if kind is int:
        return 1
    return ["x"] if kind == Sequence[str] else "x"


def _python_call(name: str) -> Call:
    recorder = _Recorder("http://classdrop.test")
    method = getattr(recorder, name)
    hints = get_type_hints(getattr(Api, name))
    parameters = inspect.signature(method).parameters.values()
    arguments: dict[str, Any] = {
        each.name: _argument(hints[each.name])
        for each in parameters
        if each.default is each.empty or each.name in _SENT_IF_GIVEN
    }
    asyncio.run(method(**arguments))
    return recorder.seen


PYTHON_METHODS = sorted(
    name
    for name in {**vars(RoomApi), **vars(Api)}
    if not name.startswith("_") and name not in NO_CALLS
)


def _operation(call: Call) -> Mapping[str, Any]:
    """Return the operation of the OpenAPI document. A name in its path matches any text."""
    for path, methods in OPENAPI.paths.items():
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))
        if re.fullmatch(pattern, call.path) and call.method.lower() in methods:
            operation: Mapping[str, Any] = methods[call.method.lower()]
            return operation
    raise LookupError(f"{call.method} {call.path}")


def _differences(name: str, call: Call) -> Iterator[str]:
    operation = _operation(call)
    (reply,) = (each for status, each in operation["responses"].items() if status.startswith("2"))
    schema = reply["content"]["application/json"]["schema"]
    yield from differences(OPENAPI.shape(schema, is_body=False), call.reply, name)
    content = operation.get("requestBody", {}).get("content", {"application/json": None})
    if "application/json" not in content:
        return  # a file
    if (call.body is None) != ("requestBody" not in operation):
        yield f"{name}: only one of the two has a body"
    elif call.body is not None:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        server = OPENAPI.shape(schema, is_body=True)
        body = _with_types(call.body, server)
        yield from differences(server, body, f"{name} body", is_body=True)


def _with_types(body: Shape, server: Shape) -> Shape:
    """Return a body with the server's types where it is written out: then only names are compared."""
    known: Mapping[str, Field] = server["object"]
    return {
        "object": {
            name: known[name] if each.shape is ANY and name in known else each
            for name, each in body["object"].items()
        }
    }


@pytest.mark.parametrize("name", sorted(set(PYTHON_METHODS) - UNTYPED))
def test_a_python_call_has_the_servers_shapes(name: str) -> None:
    assert set(_differences(name, _python_call(name))) - ONLY_IN_FRAMES == set()


# The names of the parameters that become the body.
_BODIES = ("form", "body", "changes")


def _javascript_calls() -> dict[str, Call]:
    """Return the methods of `javascript/api.js` and `office_api.js`, by name."""
    source = "".join(
        (SDK / "javascript" / f"{name}.js").read_text() for name in ("api", "office_api")
    )
    found = re.findall(
        r"/\*\*((?:(?!\*/).)*)\*/\s+(\w+)\([^)]*\) \{((?:(?!\n  \}).)*this\._call\((?:(?!\n  \}).)*)",
        source,
        re.DOTALL,
    )
    return {name: _javascript_call(doc, code) for doc, name, code in found}


def _javascript_call(doc: str, code: str) -> Call:
    sent = re.search(r"""_call\(\s*"(\w+)",\s*(?:path)?["`]([^"`]+)["`]""", code)
    assert sent, code
    types = {name: kind for kind, name in tagged(doc, "param") if name.strip("[]") in _BODIES}
    reply = next((kind for kind, _ in tagged(doc, "returns")), None)
    path = re.sub(r"\$\{\w+\}", "x", sent[2])
    body = next((JSDOC.shape(kind) for kind in types.values()), None)
    written = re.search(r"body: \{ ([^}]*) \}", code)
    if body is None and written:
        body = _written(part.split(":")[0].strip() for part in written[1].split(","))
    shape = JSDOC.shape(reply.removeprefix("Promise")) if reply else {}
    return Call(sent[1], path, shape, body)


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda letter: letter[1].upper(), name)


JAVASCRIPT_CALLS = _javascript_calls()


def test_every_javascript_call_was_read() -> None:
    assert set(JAVASCRIPT_CALLS) == {_camel(name) for name in PYTHON_METHODS}


@pytest.mark.parametrize("name", sorted(set(PYTHON_METHODS) - UNTYPED))
def test_a_javascript_call_has_the_servers_shapes(name: str) -> None:
    call = JAVASCRIPT_CALLS[_camel(name)]
    assert set(_differences(name, call)) - ONLY_IN_FRAMES == set()


# The effects are one union in JavaScript, and classes in Python.
EFFECTS = {"Connect", "Send", "Emit", "RequestToken", "ClaimOverHttp", "Disconnect", "WakeAt"}
SHAPES = sorted(set(shapes.__all__) - EFFECTS - {"Effect", "RoomEvent"})


def test_both_sdks_name_the_same_shapes() -> None:
    assert {*SHAPES, "Effect", "RoomEvent"} == JSDOC.names


# Fields of RoomState: it has no defaults in either language.
_NULL_WITHOUT_DEFAULT = {"student", "closeCode", "retryAt"}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_the_same_in_both_sdks(name: str) -> None:
    kind = getattr(shapes, name)
    ours, theirs = python_shape(kind), JSDOC.named(name)
    assert _plain(ours) == _plain(_absent_for_null(theirs) if is_dataclass(kind) else theirs)


def _absent_for_null(shape: Shape) -> Shape:
    """Return the shape with optional fields for null: a Python dataclass has None by default there."""
    fields: Mapping[str, Field] = shape["object"]
    return {
        "object": {
            name: field(each.shape, required=each.required and not _is_nullable(name, each))
            for name, each in fields.items()
        }
    }


def _is_nullable(name: str, each: Field) -> bool:
    return "null" in each.shape and name not in _NULL_WITHOUT_DEFAULT


def _plain(shape: Shape) -> object:
    """Return the shape without the difference of `close_code` and `closeCode`."""
    return {kind: _plain_inner(kind, inner) for kind, inner in shape.items()}


def _plain_inner(kind: str, inner: Any) -> object:
    if kind in ("list", "map"):
        return _plain(inner)
    if kind != "object":
        return inner
    fields: Mapping[str, Field] = inner
    return {
        name.replace("_", "").lower(): (each.required, _plain(each.shape))
        for name, each in fields.items()
    }
