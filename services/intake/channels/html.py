"""HTML as the text that its reader sees. Nothing is fetched and nothing runs."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from lxml.etree import HTMLParser, ParserError, iterwalk
from lxml.html import document_fromstring

MOST_CHARS = 256 * 1024
_UNSEEN = frozenset(("head", "script", "style", "template", "noscript", "iframe", "object", "svg", "math", "title"))
_HIDDEN = re.compile(
    r"(?<![-\w])(?:display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all"
    r"|color\s*:\s*transparent|(?:opacity|font-size|max-height|max-width)\s*:\s*0*(?:0|\.0+|0\.0*)(?![.\d])"
    r"|(?:margin-)?(?:left|top|text-indent)\s*:\s*-(?:[5-9]\d\d|\d{4}|\d{3}(?:%|v[wh]|r?em)))",
    re.IGNORECASE,
)
_PICTURE = re.compile(
    r"""(?<=["'(=])\s*data:[^"'()<>\s:,]{0,200};base64,[^"'()<>\s]*(?:\s+[a-z0-9+/=]{40,})*""", re.IGNORECASE
)
"""A pasted one, within its markup."""
_BLOCKS = frozenset(
    ("address", "article", "br", "dd", "div", "dl", "dt", "footer", "form", "h1", "h2", "h3", "h4", "h5",
     "h6", "header", "hr", "li", "ol", "p", "pre", "section", "table", "tr", "ul")
)  # fmt: skip
_BREAK, _QUOTE, _UNQUOTE = "\x1e", "\x0e", "\x0f"
_OWN = str.maketrans(dict.fromkeys((_BREAK, _QUOTE, _UNQUOTE), " "))


def text_of_html(html: str) -> str:
    """The beginning of a page, each block on a line of its own, with `>` before what is quoted; and how much more.

    A link tells its address where it shows another text. What is nested deeper than 255 elements may be lost: there
    the parser stops.
    """
    html = _PICTURE.sub("", html)
    text, more = _reduced(html[:MOST_CHARS]), len(html) - MOST_CHARS
    return f"{text}\n[… {more} characters of HTML more]" if more > 0 else text


def _reduced(html: str) -> str:
    body = html.translate(_OWN).encode()
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        page = document_fromstring(body, parser=parser, ensure_head_body=True)
    except ParserError:  # nothing in it
        return ""
    return "\n".join(_lines("".join(_words(page)).split(_BREAK)))


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    depth = 0
    for piece in pieces:
        if piece in (_QUOTE, _UNQUOTE):
            depth += 1 if piece == _QUOTE else -1
        elif words := " ".join(piece.split()):
            yield f"> {words}" if depth > 0 else words


def _words(page: Any) -> Iterator[str]:
    walk = iterwalk(page, events=("start", "end"))
    for event, node in walk:
        if event == "start" and _unseen(node):
            walk.skip_subtree()
        elif event == "start":
            yield from (_around(node, _QUOTE), node.text or "")
        else:
            yield from (_address(node), _around(node, _UNQUOTE), node.tail or "")


def _around(node: Any, mark: str) -> str:
    if node.tag == "blockquote":
        return f"{_BREAK}{mark}{_BREAK}"
    return _BREAK if node.tag in _BLOCKS else " " if node.tag in ("td", "th") else ""


def _unseen(node: Any) -> bool:
    return node.tag in _UNSEEN or "hidden" in node.attrib or bool(_HIDDEN.search(node.get("style", "")))


def _address(link: Any) -> str:
    """`my order <https://shop.example/1>`: the words of a link may say anything."""
    address = link.get("href", "").strip() if link.tag == "a" else ""
    told = address.lower().startswith(("http://", "https://")) and address != "".join(link.itertext()).strip()
    return f" <{address}>" if told else ""
