"""On what the figures were taken."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pymongo import MongoClient

PACKAGES = ("aiokafka", "faststream", "pymongo", "pydantic", "orjson", "uvloop")


def machine(mongo: str | None = None) -> dict[str, Any]:
    """`mongo`: the database, if one was measured."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_average": round(os.getloadavg()[0], 1),
        "python": sys.version.split()[0],
        **({"mongodb": _database(mongo)} if mongo else {}),
        "packages": {name: version(name) for name in PACKAGES},
    }


def _database(mongo: str) -> str:
    with MongoClient[dict[str, Any]](mongo) as client:
        return str(client.server_info()["version"])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
