"""An alarm leads to a page, and a page to commands that exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.core import TyperGroup

from cli.main import app
from deploy.local.services import SERVICES
from shared.metrics import METRICS, PREFIX

ROOT = Path(__file__).parents[3]
ALERTS, RUNBOOKS = ROOT / "deploy" / "alerts", ROOT / "docs" / "runbooks"
PAGES = sorted(page for page in RUNBOOKS.glob("*.md") if page.name != "README.md")
RULES: list[dict[str, Any]] = yaml.safe_load((ALERTS / "rules.yaml").read_text())["groups"][0]["rules"]
TESTS: list[dict[str, Any]] = yaml.safe_load((ALERTS / "rules_test.yaml").read_text())["tests"]
EVERYWHERE = {"service", "instance"}
"""Labels that each of our series has once Prometheus has read it."""
SERIES = re.compile(rf"{PREFIX}\w+")
BY = re.compile(r"by \(([^)]*)\)")

rules = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def metrics_in(rule: dict[str, Any]) -> set[str]:
    return {name.removeprefix(PREFIX) for name in SERIES.findall(rule["expr"])}


@rules
def test_every_metric_of_a_rule_is_exported_with_the_labels_that_the_rule_uses(rule: dict[str, Any]) -> None:
    labels = {metric.name: {*metric.labels, *EVERYWHERE} for metric in METRICS}
    grouped = {label.strip() for labels in BY.findall(rule["expr"]) for label in labels.split(",")}
    shown = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))

    assert metrics_in(rule), "a rule is about figures of ours"
    for name in metrics_in(rule):
        assert grouped | shown <= labels[name]
    assert not grouped or shown <= grouped, "what is summed up has no other label to show"


@rules
def test_a_rule_says_how_bad_it_is_and_where_its_page_is(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert ROOT / rule["annotations"]["runbook"] in PAGES


@rules
def test_each_rule_is_tested_where_it_fires_and_where_it_must_not(rule: dict[str, Any]) -> None:
    tried = [one for test in TESTS for one in test["alert_rule_test"] if one["alertname"] == rule["alert"]]

    assert {bool(one["exp_alerts"]) for one in tried} == {True, False}


def test_the_silence_of_each_service_is_noticed_by_its_name() -> None:
    (rule,) = [rule for rule in RULES if rule["alert"] == "SwitchboardServiceSilent"]

    assert sorted(re.findall(r'service="(\w+)"', rule["expr"])) == sorted(SERVICES)


def test_every_page_belongs_to_an_alarm_and_stands_in_the_index_beside_it() -> None:
    index = (RUNBOOKS / "README.md").read_text()
    table = dict(re.findall(r"^\| ([\w, ]+) \| \[[\w-]+\]\(([\w-]+\.md)\) \|", index, re.MULTILINE))
    listed = {alarm: page for alarms, page in table.items() for alarm in alarms.split(", ")}

    assert listed == {rule["alert"]: Path(rule["annotations"]["runbook"]).name for rule in RULES}
    assert set(listed.values()) == {page.name for page in PAGES}


@pages
def test_a_page_has_the_same_six_parts_and_is_short(page: Path) -> None:
    text = page.read_text()

    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
        "What it means", "Is a customer hurt right now?", "Look", "Do", "Over when", "So that it does not come again",
    ]  # fmt: skip
    assert len(text.splitlines()) <= 50


@pytest.mark.parametrize("page", [*PAGES, RUNBOOKS / "README.md"], ids=lambda page: page.stem)
def test_every_command_of_a_page_is_taken_by_the_command_line(page: Path) -> None:
    for line in commands(page.read_text()):
        understood(typer.main.get_command(app), shlex.split(line)[1:], line)


def commands(text: str) -> Iterator[str]:
    """Those in blocks and in running text, also at the end of a `kubectl exec`."""
    blocks = re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spoken = re.findall(r"`([^`\n]+)`", re.sub(r"^```\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    for line in (*"".join(blocks).splitlines(), *spoken):
        if called := re.search(r"(?:^|-- )(switchboard .+)", line):
            yield called[1]


def understood(command: Any, words: list[str], line: str) -> None:
    """Raises a UsageError if a word or an option is none of the command's."""
    if isinstance(command, TyperGroup):
        assert words[0] in command.commands, line
        understood(command.commands[words[0]], words[1:], line)
    else:
        command.make_context(line, words)


@pages
def test_every_metric_and_page_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()

    assert {name.removeprefix(PREFIX) for name in SERIES.findall(text)} <= {metric.name for metric in METRICS}
    assert set(re.findall(r"\]\(([\w-]+\.md)\)", text)) <= {page.name for page in PAGES}
