"""The figures on the page of promises are those of the last runs, and good ones."""

import json
from pathlib import Path
from typing import Any

from bench.timers import figures
from tests.faults import table

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "promises.md").read_text()
ASKED = 100_000
"""Contacts that a whole run of the fault suite accepts at least."""


def kept(file: Path) -> Any:
    return json.loads(file.read_text())


def test_the_table_of_the_fault_suite_is_that_of_its_last_whole_run() -> None:
    assert table.page(kept(table.RESULTS)[-1]) in PAGE


def test_nothing_was_lost_twice_or_out_of_order_in_the_last_whole_run_of_the_fault_suite() -> None:
    assert table.not_passed() == []
    assert sum(row["accepted"] for row in kept(table.RESULTS)[-1]["rows"]) >= ASKED


def test_the_figures_of_the_timers_are_those_of_the_last_bench() -> None:
    for what, came_of_it in figures(kept(ROOT / "bench" / "results.json")["timers"]):
        assert f"| {what} | {came_of_it} |" in PAGE
