"""Media types: which bodies are JSON by their headers, and which are files of tables.

Checked by the API and the demo shop before a body is parsed. A body with another type may be meant for
another server: a browser's form on a foreign page can send any text, and `curl -d` says that it sends a
form.
"""

from email.message import Message

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What programs call such files. Windows names CSV after Excel, others know nothing: the bytes decide.
_TABLES = frozenset(
    {
        CSV,
        XLSX,
        "text/plain",
        "text/tab-separated-values",
        "application/csv",
        "application/vnd.ms-excel",
        "application/octet-stream",
    }
)
HOW_TO_SEND = "send the body as JSON, in UTF-8, with Content-Type: application/json"


def media_type_fault(content_type: str | None, content_encoding: str | None) -> str | None:
    """Return in words why a body with these headers is not taken as JSON; None if it is."""
    if (content_encoding or "identity").strip().lower() != "identity":
        return f"the body is compressed: {HOW_TO_SEND}, and without Content-Encoding"
    if content_type is None:
        return f"the body has no Content-Type: {HOW_TO_SEND}"
    if not _is_json(content_type):
        return f"the Content-Type is another one: {HOW_TO_SEND}"
    return None


def table_type_fault(content_type: str | None, content_encoding: str | None) -> str | None:
    """Return in words why a body with these headers is not taken as a file of a table; None if it is."""
    how = f"send the file as the body, with Content-Type: {CSV}, or {XLSX}"
    if (content_encoding or "identity").strip().lower() != "identity":
        return f"the body is compressed: {how}, and without Content-Encoding"
    if content_type is not None and _header(content_type).get_content_type() not in _TABLES:
        return f"the Content-Type is another one: {how}"
    return None


def charset_of(content_type: str | None) -> str | None:
    """Return the charset that a Content-Type names, in small letters."""
    return _header(content_type).get_content_charset() if content_type else None


def _header(content_type: str) -> Message:
    header = Message()
    header["Content-Type"] = content_type
    return header


def _is_json(content_type: str) -> bool:
    header = _header(content_type)
    kind, charset = header.get_content_type(), header.get_content_charset("utf-8")
    is_json = kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )
    return is_json and charset.lower() in ("utf-8", "utf8")
