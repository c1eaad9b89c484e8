"""`switchboard learn` where only the runtime packages are, as in an image (decision 39)."""

import os
import subprocess
import sys
from pathlib import Path

from deploy.local.paths import ROOT

FIVE_OF_EACH = "text,label\n" + "".join(f"so {label} {n},{label}\n" for label in ("good", "bad") for n in range(5))


def test_where_scikit_learn_cannot_be_imported_one_line_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "sklearn.py").write_text("raise ImportError('not here')")
    (tmp_path / "reviews.csv").write_text(FIVE_OF_EACH)
    command = ["learn", str(tmp_path / "reviews.csv"), "--into", str(tmp_path / "rules"), "--sentiment"]

    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *command], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "switchboard: scikit-learn is missing, and learning needs it: `pip install scikit-learn`; "
        "a service that uses what was learned does not need it"
    ]
    assert not (tmp_path / "rules").exists()
