"""Media types: which bodies are JSON by their headers.

Checked by the API and the demo shop before a body is parsed. A body with another type may be meant for
another server: a browser's form on a foreign page can send any text, and `curl -d` says that it sends a
form.
"""

from email.message import Message

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


def _is_json(content_type: str) -> bool:
    header = Message()
    header["Content-Type"] = content_type
    kind, charset = header.get_content_type(), header.get_content_charset("utf-8")
    is_json = kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )
    return is_json and charset.lower() in ("utf-8", "utf8")
