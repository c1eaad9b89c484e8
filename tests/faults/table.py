"""What is shown of the rows, and what is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults.stage import Played

RESULTS = Path(__file__).with_name("results.json")
HEAD = f"{'row':<10} {'accepted':>9} {'lost':>6} {'duplicated':>10} {'inverted':>9} {'recovered':>9} {'took':>7}"
SHOWN = 3


def line(played: Played) -> str:
    verdict, recovered = played.verdict, "-" if played.recover_s is None else f"{played.recover_s:.1f} s"
    figures = (
        f"{played.name:<10} {played.accepted:>9,} {len(verdict.lost):>6} {len(verdict.duplicated):>10} "
        f"{len(verdict.inverted):>9} {recovered:>9} {played.seconds:>5.0f} s"
    )
    return f"{figures}  {'; '.join(played.notes)}".rstrip()


def total(rows: Sequence[Played]) -> str:
    counts = [
        sum(len(getattr(played.verdict, column)) for played in rows) for column in ("lost", "duplicated", "inverted")
    ]
    accepted, seconds = sum(played.accepted for played in rows), sum(played.seconds for played in rows)
    slowest = max((played.recover_s for played in rows if played.recover_s is not None), default=0.0)
    figures = f"{accepted:>9,} {counts[0]:>6} {counts[1]:>10} {counts[2]:>9} {slowest:>7.1f} s {seconds:>5.0f} s"
    return f"{'total':<10} {figures}"


def wrong(played: Played, logs: Path) -> str:
    """Why a row failed: the first of each kind, and where all of them and the logs are."""
    file = logs / f"{played.name}.txt"
    kinds = {"broken": played.broken, **asdict(played.verdict)}
    file.write_text("".join(f"{kind}: {one}\n" for kind, found in kinds.items() for one in found))
    shown = [f"    {kind}: {one}" for kind, found in kinds.items() for one in found[:SHOWN]]
    return "\n".join([*shown, f"    all of it: {file}; logs: {logs / 'logs'}"])


def keep(rows: Sequence[Played], machine: dict[str, Any], seed: int) -> None:
    """Adds a full run to the results."""
    runs: list[Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    run = {
        "date": datetime.now(UTC).date().isoformat(), "machine": machine, "seed": seed,
        "rows": [_kept(played) for played in rows],
    }  # fmt: skip
    RESULTS.write_text(json.dumps([*runs, run], indent=1, ensure_ascii=False) + "\n")


def _kept(played: Played) -> dict[str, Any]:
    counts = {kind: len(found) for kind, found in asdict(played.verdict).items()}
    recover = None if played.recover_s is None else round(played.recover_s, 1)
    more = {"recover_s": recover, "seconds": round(played.seconds), "notes": played.notes, "broken": played.broken}
    return {"row": played.name, "accepted": played.accepted, **counts, **more}
