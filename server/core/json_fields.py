"""Takes typed values out of decoded JSON, or says which field is not what it should be.

Called by the decoders of this package (template_forms, orders). Codes: `missing`, `wrong_type`,
`not_a_time`. Whether a value makes sense is asked elsewhere.
"""

from collections.abc import Mapping

from server.core import instants
from server.core.violations import MalformedError


def path(prefix: str, key: str | int) -> str:
    return f"{prefix}.{key}" if prefix else str(key)


def mapping(value: object, field: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise MalformedError(field, "missing" if value is None else "wrong_type")
    return value


def text(fields: Mapping[str, object], key: str, prefix: str = "") -> str:
    value = _present(fields, key, prefix)
    if not isinstance(value, str):
        raise MalformedError(path(prefix, key), "wrong_type")
    return value


def integer(fields: Mapping[str, object], key: str, prefix: str = "") -> int:
    """A float is refused even where it is whole: money that went through floats is not trusted."""
    value = _present(fields, key, prefix)
    if not isinstance(value, int) or isinstance(value, bool):
        raise MalformedError(path(prefix, key), "wrong_type")
    return value


def flag(fields: Mapping[str, object], key: str, prefix: str = "") -> bool:
    """False where it is absent."""
    value = fields.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise MalformedError(path(prefix, key), "wrong_type")
    return value


def instant(fields: Mapping[str, object], key: str, prefix: str = "") -> int:
    """An RFC 3339 text as ms."""
    written = text(fields, key, prefix)
    try:
        return instants.from_text(written)
    except (ValueError, OverflowError) as error:
        raise MalformedError(path(prefix, key), "not_a_time") from error


def optional_text(fields: Mapping[str, object], key: str, prefix: str = "") -> str | None:
    return None if fields.get(key) is None else text(fields, key, prefix)


def optional_integer(fields: Mapping[str, object], key: str, prefix: str = "") -> int | None:
    return None if fields.get(key) is None else integer(fields, key, prefix)


def texts(fields: Mapping[str, object], key: str, prefix: str = "") -> frozenset[str]:
    """A list of texts as a set; empty where it is absent."""
    value = fields.get(key)
    if value is None:
        return frozenset()
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise MalformedError(path(prefix, key), "wrong_type")
    return frozenset(value)


def text_pairs(fields: Mapping[str, object], key: str, prefix: str = "") -> dict[str, str]:
    """An object of texts; empty where it is absent. Null members are dropped: absent, too."""
    value = fields.get(key)
    if value is None:
        return {}
    found: dict[str, str] = {}
    for name, member in mapping(value, path(prefix, key)).items():
        if member is not None:
            found[name] = text({name: member}, name, path(prefix, key))
    return found


def _present(fields: Mapping[str, object], key: str, prefix: str) -> object:
    value = fields.get(key)
    if value is None:
        raise MalformedError(path(prefix, key), "missing")
    return value
