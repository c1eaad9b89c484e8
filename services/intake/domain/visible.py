"""Characters that nobody sees: they hide a word from its reader, or show a number or a link as another one.

What is searched for words and facts is read without any of them. What is kept and shown loses those that hide or
re-order; joiners stay, since emoji and some scripts are written with them. Of marks on one letter the first 30 stay, as
in Unicode's Stream-Safe Text Format (UAX 15): bringing them into order takes time that grows with the square of their
number.
"""

import re
from collections.abc import Mapping
from typing import Any

import re2
from pydantic import BaseModel

from shared.events.contacts import Contact

_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f"
_HIDING = "\u00ad\u180e\u200b\u2060-\u2064\ufeff"
_REORDERING = "\u202a-\u202e\u2066-\u2069"
_JOINING = "\u034f\u061c\u200c-\u200f\ufe00-\ufe0f"
_NOT_SHOWN = re.compile(f"[{_CONTROLS}{_HIDING}{_REORDERING}]")
_LONE = re.compile("[\ud800-\udfff]")
"""Half a character, which no text can be written with: it becomes the sign for what can't be read."""
_TOO_MANY_MARKS = re2.compile(r"(\pM{30})\pM+")
_NOT_READ = re.compile(f"[{_CONTROLS}{_HIDING}{_REORDERING}{_JOINING}]")


def readable(text: str) -> str:
    """A text for whoever looks for words and facts in it."""
    return text if text.isascii() and text.isprintable() else _stream_safe(_NOT_READ.sub("", text))


def visible(text: str) -> str:
    """A text for people."""
    return text if text.isascii() and text.isprintable() else _stream_safe(_NOT_SHOWN.sub("", text))


def whole(text: str) -> str:
    """A text that can be written in UTF-8."""
    return _LONE.sub("\ufffd", text)


def _stream_safe(text: str) -> str:
    stream_safe: str = _TOO_MANY_MARKS.sub(r"\1", whole(text))
    return stream_safe


def shown(contact: Contact) -> Contact:
    """The contact as people see it. Its identity, its links and its diagnostics stay as they are."""
    changes: dict[str, Any] = _cleaned({"subject": contact.subject, "text": contact.text})
    for name in ("customer", "facts"):
        part: BaseModel = getattr(contact, name)
        if cleaned := _cleaned(part.__dict__):
            changes[name] = part.model_copy(update=cleaned)
    if contact.voice and (cleaned := _cleaned(contact.voice)):
        changes["voice"] = contact.voice | cleaned
    if contact.self_service:
        turns = (turn.model_copy(update=_cleaned(turn.__dict__)) for turn in contact.self_service)
        changes["self_service"] = tuple(turns)
    return contact.model_copy(update=changes) if changes else contact


def _cleaned(values: Mapping[str, Any]) -> dict[str, str]:
    """The texts among them that show otherwise than they are written."""
    return {
        name: clean for name, value in values.items() if isinstance(value, str) and (clean := visible(value)) != value
    }
