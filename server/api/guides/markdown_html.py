"""Render our own documents from Markdown to HTML, with an id for each heading.

Called by `pages.py` at the start of a process, and never with text of somebody else. Raw HTML is not
rendered: the comments of a document (marks of tables that a test keeps) are left out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
# A wide table moves inside its own frame, which the keyboard reaches, and not the page.
_TABLE = ('<div class="wide" tabindex="0"><table>\n', "</table></div>\n")
# So does a wide line of a program. Text cannot look like it: its signs are escaped.
_CODE = ("<pre><code", '<pre tabindex="0"><code')


@dataclass(frozen=True, slots=True)
class RenderedDocument:
    """`headings`: id and text of each heading of the second level, for a table of contents."""

    html: Markup
    headings: tuple[tuple[str, str], ...]


def render_document(text: str) -> RenderedDocument:
    """Return the document as HTML."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("table_open", lambda *_: _TABLE[0])
    parser.add_render_rule("table_close", lambda *_: _TABLE[1])
    tokens = parser.parse(_COMMENT.sub("", text))
    headings = tuple(_give_ids(tokens))
    html = parser.renderer.render(tokens, parser.options, {})
    return RenderedDocument(Markup(html.replace(*_CODE)), headings)


def _give_ids(tokens: Sequence[Token]) -> list[tuple[str, str]]:
    """Give each heading an id made of its text; return those of the second level."""
    found, used = [], set[str]()
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        words = "".join(part.content for part in inline.children or ())
        name = _free_name(words, used)
        opening.attrSet("id", name)
        if opening.tag == "h2":
            found.append((name, words))
    return found


def _free_name(words: str, used: set[str]) -> str:
    base = re.sub(r"\W+", "-", words.lower()).strip("-") or "part"
    name, number = base, 1
    while name in used:
        number += 1
        name = f"{base}-{number}"
    used.add(name)
    return name
