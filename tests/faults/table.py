"""What is shown of the rows, and what is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults.stage import Played

RESULTS = Path(__file__).with_name("results.json")
HEAD = f"{'row':<10} {'accepted':>9} {'lost':>6} {'duplicated':>10} {'inverted':>9} {'recovered':>9} {'took':>7}"
SHOWN = 3
AGAIN = "played again by itself"


def line(played: Played) -> str:
    return _line(_kept(played))


def total(rows: Sequence[Played]) -> str:
    return _total([_kept(played) for played in rows])


def page(run: Mapping[str, Any]) -> str:
    """A run that was kept, as it was printed."""
    return "\n".join([HEAD, *map(_line, run["rows"]), _total(run["rows"])])


def _line(row: Mapping[str, Any]) -> str:
    recovered = "-" if row["recover_s"] is None else f"{row['recover_s']:.1f} s"
    figures = (
        f"{row['row']:<10} {row['accepted']:>9,} {row['lost']:>6} {row['duplicated']:>10} {row['inverted']:>9} "
        f"{recovered:>9} {row['seconds']:>5} s"
    )
    failed = ["NOT PASSED"] if row.get("broken") else []
    return f"{figures}  {'; '.join([*failed, *row['notes']])}".rstrip()


def _total(rows: Sequence[Mapping[str, Any]]) -> str:
    sums = {name: sum(row[name] for row in rows) for name in ("accepted", "lost", "duplicated", "inverted", "seconds")}
    slowest = max((row["recover_s"] for row in rows if row["recover_s"] is not None), default=None)
    return _line({"row": "total", "recover_s": slowest, "notes": [], **sums})


def wrong(played: Played, logs: Path) -> str:
    """Why a row failed: the first of each kind, and where all of them and the logs are."""
    file = logs / f"{played.name}.txt"
    kinds = {"broken": played.broken, **asdict(played.verdict)}
    file.write_text("".join(f"{kind}: {one}\n" for kind, found in kinds.items() for one in found))
    shown = [f"    {kind}: {one}" for kind, found in kinds.items() for one in found[:SHOWN]]
    return "\n".join([*shown, f"    all of it: {file}; logs: {logs / 'logs'}"])


def not_passed(results: Path = RESULTS) -> list[str]:
    """The rows of the last whole run that did not pass."""
    runs = _runs(results)
    return [row["row"] for row in runs[-1]["rows"] if not _passed(row)] if runs else []


def put_right(rows: Sequence[Played], results: Path = RESULTS) -> str:
    """These rows were played again and take their place in the last whole run; returns its page."""
    *before, run = _runs(results)
    again = {played.name: {**_kept(played), "notes": [*played.notes, AGAIN]} for played in rows}
    run = {**run, "rows": [again.get(row["row"], row) for row in run["rows"]]}
    _write([*before, run], results)
    return page(run)


def _passed(row: Mapping[str, Any]) -> bool:
    return not (row["lost"] or row["duplicated"] or row["inverted"] or row["broken"])


def _runs(results: Path) -> list[Any]:
    runs: list[Any] = json.loads(results.read_text()) if results.exists() else []
    return runs


def _write(runs: Sequence[Any], results: Path) -> None:
    results.write_text(json.dumps(runs, indent=1, ensure_ascii=False) + "\n")


def keep(rows: Sequence[Played], machine: Mapping[str, Any], seed: int, results: Path = RESULTS) -> None:
    """Adds a full run to the results."""
    run = {
        "date": datetime.now(UTC).date().isoformat(), "machine": machine, "seed": seed,
        "rows": [_kept(played) for played in rows],
    }  # fmt: skip
    _write([*_runs(results), run], results)


def _kept(played: Played) -> dict[str, Any]:
    counts = {kind: len(found) for kind, found in asdict(played.verdict).items()}
    recover = None if played.recover_s is None else round(played.recover_s, 1)
    more = {"recover_s": recover, "seconds": round(played.seconds), "notes": played.notes, "broken": played.broken}
    return {"row": played.name, "accepted": played.accepted, **counts, **more}
