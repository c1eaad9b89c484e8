"""One line of the delivery log per thing that happened to a message: the log is the case's timeline in notify.

The line `notification.queued` holds the words; later lines hold what became of them. What happened to several messages
at once shares one line, `notification.several`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from services.notify.domain.casefile import Casefile, Message
from shared.decisions import Note

BY = "notify"
PREFIX = "notification."
SEVERAL = f"{PREFIX}several"
_WORDS = {"template", "template_version", "channel", "to", "language", "subject", "text", "cause"}
_COURSE = ("provider", "attempt", "why")


def queued(message: Message, now: datetime) -> Note:
    return Note(now, f"{PREFIX}queued", BY, data={"id": message.id, **message.model_dump(include=_WORDS)})


def line(what: str, message: Message, now: datetime, *, why: str = "", by: str = BY) -> Note:
    """`what`: sent, failed, unknown, suppressed, retry."""
    data = {"id": message.id, "provider": message.provider, "attempt": message.attempt, "why": why}
    return Note(now, PREFIX + what, by, data=data)


def suppressed(message: Message, now: datetime, *, why: str) -> Note:
    """A message that was never queued: words and end in one line."""
    words = message.model_dump(include=_WORDS)
    return Note(now, f"{PREFIX}suppressed", BY, data={"id": message.id, **words, "why": why})


def joined(*notes: Note | None) -> Note | None:
    """All of them as the one line that a decision may write."""
    said = [note for note in notes if note is not None]
    if len(said) < 2:
        return said[0] if said else None
    return Note(said[0].at, SEVERAL, BY, data={"lines": [part for note in said for part in _parts(note)]})


def _parts(note: Note) -> list[dict[str, Any]]:
    several: list[dict[str, Any]] = note.data.get("lines", [])
    return several or [{"kind": note.kind, "by": note.by, "data": note.data}]


def read(lines: Iterable[Mapping[str, Any]], state: Casefile | None) -> list[dict[str, Any]]:
    """Every message of a case as a person wants to see it, oldest first, from the lines in order of time."""
    messages: dict[str, dict[str, Any]] = {}
    for entry in (part for line in lines for part in _apart(line)):
        if str(entry["kind"]).startswith(PREFIX):
            _add(messages, entry)
    for message in state.messages if state else ():
        if message.id in messages:
            messages[message.id] |= {"state": message.state, "attempt": message.attempt, "provider": message.provider}
    return list(messages.values())


def _apart(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [{**entry, **part} for part in entry["data"]["lines"]] if entry["kind"] == SEVERAL else [entry]


def _add(messages: dict[str, dict[str, Any]], entry: Mapping[str, Any]) -> None:
    data = entry.get("data", {})
    what = str(entry["kind"]).removeprefix(PREFIX)
    shown = messages.setdefault(data["id"], _blank(data["id"], entry))
    shown |= {name: data[name] for name in _WORDS - {"template", "template_version"} if name in data}
    if "template" in data:
        shown["template"] = {"id": data["template"], "version": data["template_version"]}
    shown |= {name: data[name] for name in _COURSE if name in data}
    shown |= {"state": "queued" if what == "retry" else what, "at": entry["at"]}
    shown["course"].append({"at": entry["at"], "what": what, "by": entry["by"], "why": data.get("why", "")})


def _blank(id_: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "notification_id": id_, "case_id": entry["key"], "template": None, "channel": "", "to": "", "language": "",
        "subject": "", "text": "", "cause": "", "state": "", "provider": "", "attempt": 0, "why": "",
        "since": entry["at"], "at": entry["at"], "course": [],
    }  # fmt: skip
