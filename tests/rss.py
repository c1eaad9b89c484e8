"""How much memory a service may come to use, whatever lies on its topics."""

from __future__ import annotations

from pathlib import Path

MOST_RSS_MIB = 600
"""Below the limit of its pod (deploy/k8s/base), at which it would be killed."""


def rss_mib(pid: int) -> float:
    """Memory of a process in use now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))
