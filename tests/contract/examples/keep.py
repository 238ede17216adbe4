"""Write the examples beside the models of their subject, one file for each package of the API.

Only when somebody asks for it, see `test_examples.py`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from server.api.http.document.examples import FILE
from server.api.http.endpoints import AnyEndpoint
from tests.contract.examples.compare import differences

_LONGEST_LIST = 2


def write_examples(
    api: Path,
    endpoints: Sequence[AnyEndpoint],
    kept: Mapping[str, Mapping[str, Any]],
    found: Mapping[str, Mapping[str, Any]],
) -> None:
    """Write the files. An example that is still true stays as it is; without files all are written anew."""
    files: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for endpoint in endpoints:
        operation = f"{endpoint.method} {endpoint.path}"
        if operation in found:
            parts = endpoint.handler.__module__.split(".")  # server.api.SUBJECT.MODULE
            subject = parts[2] if len(parts) > 3 else "http"
            files[subject][operation] = _kept(kept.get(operation), found[operation])
    for subject, examples in files.items():
        text = orjson.dumps(examples, option=orjson.OPT_INDENT_2) + b"\n"
        (api / subject / FILE).write_bytes(text)


def _kept(kept: Mapping[str, Any] | None, found: Mapping[str, Any]) -> Any:
    is_true = kept is not None and not list(differences(kept, found))
    return kept if is_true else _readable(found)


def _readable(value: Any) -> Any:
    """Return the value with long lists shortened, and without the port of the receiver, which is nobody's."""
    if isinstance(value, dict):
        return {name: _readable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_readable(each) for each in value[:_LONGEST_LIST]]
    if isinstance(value, str) and value.startswith("http://127.0.0.1:"):
        return "https://school.example/hook?key=1"
    return value
