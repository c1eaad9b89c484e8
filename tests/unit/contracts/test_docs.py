"""What the pages on decisions and promises name is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DECISIONS = ROOT / "docs" / "decisions"
PAGES = [*sorted(DECISIONS.glob("0*.md")), ROOT / "docs" / "promises.md"]
CODE = re.compile(r"`([^`\n]+)`")


def named(page: Path, pattern: str) -> list[str]:
    return [code for code in CODE.findall(page.read_text()) if re.fullmatch(pattern, code)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    tests = named(page, r"tests/[\w/]+\.py(::\w+)?")

    for file, _, function in (test.partition("::") for test in tests):
        assert (ROOT / file).is_file(), file
        assert not function or re.search(rf"def {function}\b", (ROOT / file).read_text()), f"{file}::{function}"
    assert tests or "Makefile" in page.read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    for file in named(page, r"(shared|services|deploy|cli|docs|tests)/[\w./]+"):
        assert (ROOT / file).exists(), file


@pytest.mark.parametrize("page", PAGES[:-1], ids=lambda page: page.stem)
def test_a_decision_is_one_page_with_the_same_four_parts(page: Path) -> None:
    lines = page.read_text().splitlines()

    assert len(lines) <= 60
    assert [line for line in lines if line.startswith("## ")] == [
        "## Context", "## Decision", "## Consequences", "## Enforced by",
    ]  # fmt: skip


def test_every_decision_stands_in_the_index_under_its_title() -> None:
    index = (DECISIONS / "README.md").read_text()

    entries = [f"- [{page.read_text().splitlines()[0].removeprefix('# ')}]({page.name})" for page in PAGES[:-1]]
    assert re.findall(r"^- \[.*$", index, re.MULTILINE) == entries
