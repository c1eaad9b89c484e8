"""HTML as the text that its reader sees. Nothing is fetched and nothing runs."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lxml.etree import HTMLParser, XMLSyntaxError

MOST_CHARS = 256 * 1024
"""Of the HTML of a mail, whichever of its parts it is in."""
_MOST_DEPTH = 255
_BITE = 8 * 1024
"""Bytes that the parser gets at a time: it stops at the end of one, not at once."""
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


@dataclass(slots=True)
class Room:
    """How much HTML is still read."""

    left: int = MOST_CHARS


class _TooDeep(Exception):
    pass


def text_of_html(html: str, room: Room | None = None) -> str:
    """The beginning of a page, each block on a line of its own, with `>` before what is quoted; and how much more.

    A link tells its address where it shows another text. What is nested deeper than 255 elements is lost, with all that
    follows.
    """
    room = room or Room()
    html = _PICTURE.sub("", html)
    text, more = _reduced(html[: room.left]), len(html) - room.left
    room.left = max(0, -more)
    return f"{text}\n[… {more} characters of HTML more]" if more > 0 else text


def _reduced(html: str) -> str:
    """Told tag by tag, without a tree: in that each attribute is held against all of its element."""
    page, reader = html.translate(_OWN).encode(), _Reader()
    parser = HTMLParser(encoding="utf-8", target=reader)
    try:
        for start in range(0, len(page), _BITE):
            parser.feed(page[start : start + _BITE])
        parser.close()
    except (_TooDeep, XMLSyntaxError):  # the latter where nothing is in it
        pass
    return "\n".join(_lines("".join(reader.words).split(_BREAK)))


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    depth = 0
    for piece in pieces:
        if piece in (_QUOTE, _UNQUOTE):
            depth += 1 if piece == _QUOTE else -1
        elif words := " ".join(piece.split()):
            yield f"> {words}" if depth > 0 else words


class _Reader:
    """What the parser tells, as words. `_unseen`: how many elements are open from the first on that is not shown."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._depth = self._unseen = 0
        self._link: tuple[str, int] | None = None

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise _TooDeep
        if self._unseen or _is_unseen(tag, attributes):
            self._unseen += 1
            return
        self.words.append(_around(tag, _QUOTE))
        if tag == "a":
            self._end_link()
            self._link = attributes.get("href", "").strip(), len(self.words)

    def end(self, tag: str) -> None:
        self._depth -= 1
        if self._unseen:
            self._unseen -= 1
            self.words.append("" if self._unseen else _around(tag, ""))
            return
        if tag == "a":
            self._end_link()
        self.words.append(_around(tag, _UNQUOTE))

    def data(self, data: str) -> None:
        if not self._unseen:
            self.words.append(data)

    def close(self) -> None:
        """The parser wants one."""

    def _end_link(self) -> None:
        """`my order <https://shop.example/1>`: the words of a link may say anything."""
        address, since = self._link or ("", 0)
        self._link = None
        if address.lower().startswith(("http://", "https://")):
            told = "".join(self.words[since:]).replace(_BREAK, "").strip()
            self.words.append(f" <{address}>" if told != address else "")


def _around(tag: str, mark: str) -> str:
    if tag == "blockquote":
        return f"{_BREAK}{mark}{_BREAK}"
    return _BREAK if tag in _BLOCKS else " " if tag in ("td", "th") else ""


def _is_unseen(tag: str, attributes: Mapping[str, str]) -> bool:
    return tag in _UNSEEN or "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style", "")))
