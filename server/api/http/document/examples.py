"""The examples of the calls: a request that was sent and its reply, from `examples.json` of each subject.

Read once by `openapi.py`. A test sends every request again and compares the reply, and writes these files
when it is asked to (`tests/contract/test_examples.py`).
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

FILE = "examples.json"


@cache
def examples() -> Mapping[str, Mapping[str, Any]]:
    """Return `{"request": {path, query, headers, body}, "response"}` by operation (`POST /v1/templates`)."""
    found: dict[str, Mapping[str, Any]] = {}
    for folder in files("server.api").iterdir():
        file = folder / FILE
        if folder.is_dir() and file.is_file():
            found |= orjson.loads(file.read_bytes())
    return found
