"""Translate pydantic's errors to the contract's `errors: [{field, code}]`.

Called by `dispatch.py`. `field` is the dotted path in the request; `code` is a short word of ours, which
stays the same when pydantic changes its own. No word of pydantic leaves: not the kind of an error, not its
message, and not the branch of a union that it writes into a location.
"""

from collections.abc import Mapping
from typing import Final, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from server.api.http.request_body import field_name
from server.core.refusals import Code, Refused

MAX_ERRORS = 50
KEY_TAG = "[key]"

# Codes that our models and core rules raise themselves are not in this table and pass unchanged.
_CODES: Mapping[str, str] = {
    "missing": "missing",
    "union_tag_not_found": "missing",
    "extra_forbidden": "unsupported",
    "greater_than": "too_small",
    "greater_than_equal": "too_small",
    "less_than": "too_large",
    "less_than_equal": "too_large",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "too_short": "too_few",
    "too_long": "too_many",
    "string_pattern_mismatch": "bad_format",
    "string_unicode": "bad_character",
    "int_parsing_size": "too_large",
    "literal_error": "unknown_value",
    "enum": "unknown_value",
    "union_tag_invalid": "unknown_value",
}
# What pydantic says itself. A kind that is neither in the table nor about a type is a form that is wrong.
_PYDANTICS: Final = frozenset(get_args(ErrorType))


def refusal_of(error: ValidationError, sent: object) -> Refused:
    """Return the first error of each field, at most MAX_ERRORS. Sent values are never repeated."""
    found: dict[str, str] = {}
    for details in error.errors(include_url=False, include_context=True, include_input=False):
        found.setdefault(_field(details, sent), code_of(details["type"]))
        if len(found) == MAX_ERRORS:
            break
    errors = [{"field": field, "code": code} for field, code in found.items()]
    detail = "; ".join(f"{field or 'body'}: {code}" for field, code in found.items())
    return Refused(Code.INVALID_FIELD, detail[:1_000], {"errors": errors})


def code_of(kind: str) -> str:
    """Return our word for a kind of error: of pydantic, or one that a model of ours raised."""
    if kind in _CODES:
        return _CODES[kind]
    if kind.endswith(("_type", "_from_float")):
        return "wrong_type"
    return "bad_format" if kind in _PYDANTICS else kind


def _field(details: ErrorDetails, sent: object) -> str:
    """Return pydantic's location as a path, without the tags of unions, which no request contains."""
    path: list[str] = []
    for step in details["loc"]:
        if isinstance(step, str) and _is_tag(step, sent):
            continue
        path.append(str(step))
        sent = _inside(sent, step)
    if details["type"].startswith("union_tag"):
        path.append(_discriminator(details))
    return field_name(".".join(path))


def _is_tag(step: str, sent: object) -> bool:
    """Return whether this step of a location is the tag or the branch of a union.

    The tag of a union by `kind` equals the value of `kind`. Other tags are written in brackets, as pydantic
    writes the one for a dictionary's key and the end of a branch (`list[str]`). A text or a number has no
    fields, so a name below it is that of a branch.
    """
    if isinstance(sent, Mapping):
        if step in sent:
            return step == KEY_TAG
        return sent.get("kind") == step or step.endswith("]")
    return step.endswith("]") if isinstance(sent, list) else True


def _inside(sent: object, step: str | int) -> object:
    """Return what the step leads to. A name below a list is of the field that a model put around it."""
    if isinstance(sent, Mapping):
        return sent.get(step)
    if isinstance(sent, list) and isinstance(step, int) and step < len(sent):
        return sent[step]
    return sent if isinstance(sent, list) and isinstance(step, str) else None


def _discriminator(details: ErrorDetails) -> str:
    return str(details.get("ctx", {}).get("discriminator", "kind")).strip("'")
