from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from deploy.local.locks import only_one
from deploy.local.state import write

LOCAL = "local-stack"


def admin_key(file: Path) -> str:
    """A fresh admin key for the local stack in place of the one before; other people's keys stay."""
    return add(file, LOCAL, "admin", None, replaces=LOCAL)


def add(
    file: Path,
    name: str,
    role: str,
    expires: datetime | None,
    agent: str | None = None,
    department: str | None = None,
    *,
    replaces: str | None = None,
) -> str:
    """Appends an entry to the keys file and returns the key itself. Raises ValueError as `new_key` does."""
    from shared.access import new_key

    plain, entry = new_key(name, role, expires, agent, department)
    with only_one(file.with_name(f"{file.name}.lock")):
        kept = [known for known in read(file) if replaces is None or known.get("name") != replaces]
        _save(file, [*kept, entry])
    return plain


def begin(file: Path) -> None:
    """An empty keys file where there is none: nobody is let in until a key is made."""
    with only_one(file.with_name(f"{file.name}.lock")):
        if not file.exists():
            _save(file, [])


def read(file: Path) -> list[dict[str, Any]]:
    return (yaml.safe_load(file.read_text()) or []) if file.exists() else []


def _save(file: Path, entries: Iterable[dict[str, object]]) -> None:
    write(file, yaml.safe_dump(list(entries), sort_keys=False, allow_unicode=True))
