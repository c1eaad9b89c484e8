"""Labelled examples in a CSV file, as `learn` and `evaluate` read them.

Errors:
    BadFile (cli.errors)    nothing in the file can be used
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console

from cli.doors import Door
from cli.errors import BadFile

if TYPE_CHECKING:
    from services.intake.learning import Example

TEXTS = ("text", "review", "content", "文本", "内容")
LABELS = ("category", "label", "sentiment", "intent", "分类", "标签")
FEELINGS = ("sentiment", "label", "标签", "category", "intent", "分类")
"""The same, where feelings are looked for: a file may hold categories too."""
POSITIVE = ("1", "positive", "good", "pos", "好评", "正面", "好")
NEGATIVE = ("0", "-1", "negative", "bad", "neg", "差评", "负面", "差")
MAX_FIELD = 1024 * 1024
SHOWN = 10
Read = tuple[list["Example"], list[str]]
"""Examples, and what is wrong with what is none."""

HELP = (
    f"CSV in UTF-8 whose first line names the columns: a text ({', '.join(TEXTS)}) "
    f"and what it is ({', '.join(LABELS)})."
)


def read(file: Path, meant: Callable[[str], str]) -> Read:
    """The examples, their labels as `meant` says, and `file:row: problem` for each row that is none.

    `meant` raises ValueError for a label that means nothing. Raises BadFile.
    """
    from services.intake.learning import Example

    examples, problems = [], []
    for row, text, label in _rows(file, FEELINGS if meant is feeling else LABELS):
        try:
            if not text or not label:
                raise ValueError(f"the {'label' if text else 'text'} is empty")
            examples.append(Example(text, meant(label)))
        except ValueError as error:
            problems.append(f"{file}:{row}: {error}")
    if not examples:
        raise BadFile(f"{file} has no labelled example" + "".join(f"; {problem}" for problem in problems[:3]))
    return examples, problems


def show_left_out(problems: list[str], console: Console) -> None:
    for problem in problems[:SHOWN]:
        console.print(f"left out: {problem}", style="red", markup=False)
    if len(problems) > SHOWN:
        console.print(f"left out: {len(problems) - SHOWN} more", style="red")


def feeling(label: str) -> str:
    """What a label says of how the customer feels: `positive` or `negative`."""
    for name, words in (("positive", POSITIVE), ("negative", NEGATIVE)):
        if label.casefold() in words:
            return name
    raise ValueError(f"{label!r} is neither good ({', '.join(POSITIVE)}) nor bad ({', '.join(NEGATIVE)})")


def _rows(file: Path, labels: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """(line in the file, text, label) of each row."""
    csv.field_size_limit(MAX_FIELD)
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.reader(lines)
            text, label = _columns(file, next(rows, []), labels)
            for row in rows:
                if row:
                    padded = [*row, *[""] * (max(text, label) + 1 - len(row))]
                    yield rows.line_num, padded[text].strip(), padded[label].strip()
    except UnicodeDecodeError as error:
        raise BadFile(f"{file} is not UTF-8 ({error.reason} at byte {error.start}): save it as CSV UTF-8") from None
    except (OSError, csv.Error) as error:
        raise BadFile(f"{file}: {error}") from None


def _columns(file: Path, names: list[str], labels: Sequence[str]) -> tuple[int, int]:
    known = [name.strip().casefold() for name in names]
    text = next((known.index(name) for name in TEXTS if name in known), None)
    label = next((known.index(name) for name in labels if name in known), None)
    if text is None or label is None:
        lacking = f"a text ({', '.join(TEXTS)})" if text is None else f"a label ({', '.join(LABELS)})"
        raise BadFile(f"{file}:1: no column is called as {lacking}; there are: {', '.join(names) or 'none'}")
    return text, label


class Paged(Protocol):
    """`doors.Doors`, as far as it is needed here."""

    @property
    def services(self) -> list[Door]: ...

    def all(self, door: Door, path: str) -> Iterator[dict[str, Any]]: ...


def of_cases(doors: Paged, meant: Callable[[str], str]) -> Read:
    """What persons decided of cases, and `case number: problem` where the tree has no such category any more."""
    from services.intake.learning import Example

    examples, problems = [], []
    for item in doors.all(doors.services[0], "/v1/examples"):
        try:
            examples.append(Example(item["text"], meant(" / ".join(item["category"]))))
        except ValueError as error:
            problems.append(f"case {item['number']}: {error}")
    return examples, problems
