"""A mailbox as contacts, read mail by mail while they are sent."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cli.errors import BadFile

Broken = Callable[[int, str], None]


def mails(path: Path, source: str, broken: Broken) -> tuple[Iterator[bytes], int]:
    """The mails of an mbox, or of a Maildir if it is a directory, as contacts; and how many mails there are.

    What can't become a contact is told to `broken`, by its place from 1 and why. Raises BadFile for what is neither.
    """
    box = _maildir(path) if path.is_dir() else _mbox(path)
    return _contacts(box, source, broken), len(box)


def _maildir(path: Path) -> Any:
    from mailbox import Maildir

    if not all((path / part).is_dir() for part in ("new", "cur")):
        raise BadFile(f"{path} is no Maildir: it has no directories new and cur")
    return Maildir(path, create=False)


def _mbox(path: Path) -> Any:
    from mailbox import mbox

    box = mbox(path, create=False)
    if path.stat().st_size and not len(box):
        raise BadFile(f"{path} is no mailbox (mbox): no line of it begins with `From `")
    return box


def _contacts(box: Any, source: str, broken: Broken) -> Iterator[bytes]:
    from services.intake.channels.mail import contact_of
    from services.intake.domain.rules import Rules
    from shared.decisions import Refused
    from shared.errors import Unreadable
    from shared.rules import load

    directory = os.environ.get("SWITCHBOARD_RULES")
    rules = load("intake", Rules.parse, Path(directory) if directory else None).channels.mail
    for number, key in enumerate(sorted(box.iterkeys()), 1):  # the names in a Maildir begin with when a mail came
        try:
            contact = contact_of(box.get_bytes(key), source, rules)
        except (Unreadable, Refused) as error:
            broken(number, str(error))
        else:
            yield contact.model_dump_json(exclude_none=True).encode()
