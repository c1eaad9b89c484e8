from __future__ import annotations

import sys


def say(text: str) -> None:
    """Progress goes to stderr, so that stdout stays free for results."""
    print(f"switchboard: {text}", file=sys.stderr, flush=True)
