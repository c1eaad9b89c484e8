"""The figures on the page of understanding are those of the last bench, and they are good enough (IN-5, IN-12)."""

import json
from pathlib import Path

import pytest

from bench.understanding import TARGET_MS, figures

ROOT = Path(__file__).parents[3]
KEPT = json.loads((ROOT / "bench" / "results.json").read_text())["understanding"]
PAGE = (ROOT / "docs" / "understanding.md").read_text()


@pytest.mark.parametrize("row", figures(KEPT), ids=lambda row: row[0])
def test_the_page_says_what_was_measured_last(row: tuple[str, str]) -> None:
    assert f"| {row[0]} | {row[1]} |" in PAGE


def test_IN_5_categories_are_learned_well_and_read_quickly() -> None:
    assert KEPT["categories"]["accuracy"] >= 0.90
    assert KEPT["cpu_ms_per_contact"]["learned"] <= TARGET_MS


def test_IN_12_feelings_are_learned_well_and_known_without_learning() -> None:
    assert KEPT["sentiment"]["accuracy"] >= 0.85
    assert KEPT["sentiment"]["words"] >= 0.70
