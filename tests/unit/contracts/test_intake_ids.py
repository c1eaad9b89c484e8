"""The page on intake's requirements names each of them, files that are there, and tests that bear its id."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROWS = [line for line in (ROOT / "docs" / "intake.md").read_text().splitlines() if line.startswith("| IN-")]
CODE = re.compile(r"`([^`]+)`")


def test_every_requirement_of_intake_has_a_row() -> None:
    assert [row.split("|")[1].strip() for row in ROWS] == [f"IN-{n}" for n in range(1, 25)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_what_the_row_of_a_requirement_names_is_there(row: str) -> None:
    _, id_, _, decided, shown, _ = row.split("|")
    for place in CODE.findall(decided):
        assert (ROOT / place).exists() or (ROOT / "services" / "intake" / place).exists(), place
    file, _, test = CODE.findall(shown)[0].partition("::")
    source = (ROOT / file).read_text()
    assert re.search(rf"def {test}\(", source)
    assert re.search(rf"\b{id_.strip()}\b|IN_{id_.strip()[3:]}_", source)
