"""The rows by name, in the order in which they are played. A row is one function; its docstring says what must hold."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable
from typing import Any

from tests.faults.stage import Row, Stage

Act = Callable[[Stage], Awaitable[None]]
ROWS: dict[str, Row] = {}
ORDER = (
    "calm", "offsets", "replay", "kills", "zombie", "replicas", "rolling", "sigterm", "clock", "broker", "brokers",
    "primary", "database", "weather", "versions", "garbage", "outbox", "behind", "disk",
)  # fmt: skip
"""What reads or writes everything again comes first, while there is little; what may break a cluster comes last."""


def row(**how: Any) -> Callable[[Act], Act]:
    """Makes a function the row of its name."""

    def add(act: Act) -> Act:
        name = act.__name__
        ROWS[name] = Row(name, act, says=(act.__doc__ or "").strip().splitlines()[0], **how)
        return act

    return add


def all_rows() -> dict[str, Row]:
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    return {name: ROWS[name] for name in sorted(ROWS, key=ORDER.index)}
