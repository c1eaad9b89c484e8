"""Whether the version before reads the states that today's keeps, and today's those of the version before.

python -m tests.upgrades.states    says what is wrong, a line each with what to do; exit code 1 if anything is
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shared.events.compatibility import Field, fields
from tests.upgrades import shapes
from tests.upgrades.before import code_before, running

Schema = dict[str, Any]


def drawn_before(code: Path) -> dict[str, Schema]:
    """By store, the schema of its state in the version that was unpacked there."""
    said = subprocess.run(
        [sys.executable, shapes.__file__], env=running(code), capture_output=True, text=True, check=True
    )
    found: dict[str, Schema] = json.loads(said.stdout)
    return found


def problems(before: Mapping[str, Schema], today: Mapping[str, Schema]) -> list[str]:
    """What one of two versions side by side could not read of the other, by store and field."""
    gone = [
        f"{name}: the version before still keeps this store; it can go in the next release"
        for name in before.keys() - today.keys()
    ]
    both = sorted(before.keys() & today.keys())
    return gone + [f"{name}: {line}" for name in both for line in _of_state(fields(before[name]), fields(today[name]))]


def _of_state(before: Mapping[str, Field], today: Mapping[str, Field]) -> Iterator[str]:
    for path, field in before.items():
        yield from (f"{path} {line}" for line in _of_field(field, today.get(path)))
    for path in today.keys() - before.keys():
        if today[path].required and path.rpartition(".")[0] in {"", *before}:
            yield f"{path} is new and required: give it a default, documents of the version before lack it"


def _of_field(before: Field, today: Field | None) -> Iterator[str]:
    if today is None:
        if before.required or not before.going:
            yield "is gone, and the version before reads it: keep it for a release, with a default and deprecated=True"
        return
    if today.kind != before.kind:
        yield f"was {before.kind} and is {today.kind}: add a field beside it instead, filled by the shape's `lift`"
    if today.required and not before.required:
        yield "has become required: give it a default, documents of the version before may lack it"
    if unread := _except(before.values, today.values, before.coming):
        yield f"no longer reads {unread}, which documents of the version before hold: go on reading it"
    if before.values and (new := _except(today.values, before.values, today.coming)):
        yield f"takes {new}, which the version before can't read: mark it with shared.unknown.coming for a release"


def _except(values: tuple[str, ...], *others: tuple[str, ...]) -> str:
    return ", ".join(sorted(set(values).difference(*others)))


def main() -> int:
    with TemporaryDirectory() as directory:
        found = problems(drawn_before(code_before(Path(directory))), shapes.drawn())
    for line in found:
        print(f"stored states: {line} (see CONTRIBUTING.md, Upgrades)", file=sys.stderr)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
