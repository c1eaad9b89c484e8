"""The figures on the pages about intake are those of the last benchmarks, and good ones."""

import json
from pathlib import Path
from typing import Any

from bench import search, understanding

ROOT = Path(__file__).parents[3]
RESULTS: dict[str, Any] = json.loads((ROOT / "bench" / "results.json").read_text())
HELP = (ROOT / "docs" / "help.md").read_text()
UNDERSTANDING = (ROOT / "docs" / "understanding.md").read_text()


def test_IN_9_the_figures_of_search_are_those_of_the_last_bench() -> None:
    for row in search.rows(RESULTS["search"]):
        assert f"| {' | '.join(row)} |" in HELP


def test_IN_9_a_search_and_a_look_up_among_100_000_cases_is_as_quick_as_was_asked_for() -> None:
    measured = RESULTS["search"]

    assert measured["cases"] >= 100_000
    assert [name for name, one in measured["find"].items() if one["p99"] > search.FIND_MS] == []
    assert measured["similar"]["p99"] <= search.HELP_MS
    assert measured["found_after_s"] <= search.FOUND_S


def test_IN_5_the_figures_of_understanding_are_those_of_the_last_bench() -> None:
    for row in understanding.figures(RESULTS["understanding"]):
        assert f"| {' | '.join(row)} |" in UNDERSTANDING


def test_IN_5_IN_12_contacts_are_understood_as_well_and_as_quickly_as_was_asked_for() -> None:
    measured = RESULTS["understanding"]

    assert measured["categories"]["accuracy"] >= 0.90
    assert measured["sentiment"]["accuracy"] >= 0.85
    assert measured["sentiment"]["words"] >= 0.70
    assert measured["cpu_ms_per_contact"]["learned"] <= 2
