"""The version before, as the code that it was: `before.zip` holds `shared` and `services` of the last release.

`make before` renews it from what is committed: the last step of a release, so that the next one is tried against it.
"""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

ARCHIVE = Path(__file__).with_name("before.zip")


def code_before(directory: Path) -> Path:
    """Unpacks the version before into this directory; processes run it with `running(directory)` around them."""
    with ZipFile(ARCHIVE) as archive:
        archive.extractall(directory)
    return directory


def running(code: Path) -> dict[str, str]:
    """The environment in which Python takes our packages from there, wherever it is started."""
    return {"PYTHONPATH": str(code), "PYTHONSAFEPATH": "1"}
