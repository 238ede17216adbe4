"""A link into the demo room, with its short code.

Made by `commands/demo_links.py`, resolved by `pages/short_links.py`. A leaf that imports no web framework,
because `run`, which makes the links, serves nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

# 40 random bits.
CODE_CHARS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class DemoLink:
    """A link for the role `name`. `expires_at` is in seconds since 1970."""

    name: str
    code: str
    path: str
    token: str
    expires_at: int


def as_json(link: DemoLink) -> Mapping[str, object]:
    """Return the fields as `DemoLink(**fields)` takes them."""
    return {
        "name": link.name,
        "code": link.code,
        "path": link.path,
        "token": link.token,
        "expires_at": link.expires_at,
    }
