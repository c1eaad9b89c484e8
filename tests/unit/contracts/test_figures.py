"""The figures on the page of promises are those of the last runs."""

import json
from pathlib import Path

from bench.timers import figures

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "promises.md").read_text()


def test_the_figures_of_the_timers_are_those_of_the_last_bench() -> None:
    kept = json.loads((ROOT / "bench" / "results.json").read_text())
    for what, came_of_it in figures(kept["timers"]):
        assert f"| {what} | {came_of_it} |" in PAGE
