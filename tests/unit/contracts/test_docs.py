"""What the pages on decisions and promises name is there."""

import re
from pathlib import Path

import pytest

from cli.flow import INTAKE, PAGE, flow, page
from shared.events.schemas import CHANNELS

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


def test_the_page_on_how_events_flow_is_drawn_from_todays_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_picture_of_intake_names_files_that_are_there() -> None:
    named = re.findall(r"[\w/]+\.py|\w+/(?=\W)", INTAKE.read_text(encoding="utf-8").replace("<br/>", " "))

    assert [file for file in named if not (ROOT / "services" / "intake" / file).exists()] == []
    assert {"channels/", "lookup/", "domain/receive.py", "domain/choose_case.py"} <= set(named)


def test_the_flow_names_every_topic_of_the_house_with_its_one_writer() -> None:
    drawn = flow()

    ours = [topic for topics in drawn.writes.values() for topic in topics]
    assert sorted(ours) == sorted(
        name for name, channel in CHANNELS.items() if not (channel.outsiders or channel.coming)
    )
    assert {topic for topics in drawn.reads.values() for topic in topics} <= CHANNELS.keys()


def test_for_each_topic_and_reader_one_other_service_counts_what_is_not_applied_its_writer_if_it_is_ours() -> None:
    drawn = flow()
    counters = [(*pair, name) for name, pairs in drawn.watches.items() for pair in pairs]

    assert sorted(pair[:2] for pair in counters) == sorted(
        (topic, reader) for reader, topics in drawn.reads.items() for topic in topics
    )
    assert all(reader != name for _, reader, name in counters), "a dead reader can't say that it is dead"
    assert all(
        CHANNELS[topic].outsiders or CHANNELS[topic].coming or topic in drawn.writes[name]
        for topic, _, name in counters
    )


@pytest.mark.parametrize("pattern", [r"\]\(([^)]+)\)", r"```\n(.*?)```", r"^(#+) ", r"\| (\d{4}) \|"])
def test_the_chinese_readme_is_the_twin_of_the_english_one(pattern: str) -> None:
    """The same links, commands, sections and ports, but for the link to the other."""
    english, chinese = (
        re.findall(pattern, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        for name in ("README.md", "README.zh.md")
    )
    assert sorted(set(english) - {"README.zh.md"}) == sorted(set(chinese) - {"README.md"})
    assert len(english) == len(chinese)
