"""How long, as an operator writes it: `90s`, `15m`, `4h`, `1h30m`, `2d`.

`d` is 24 hours of the time that the clock counts: two days on the wall, or 48 hours of working time.
"""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

LONGEST_S = 366 * 86_400
_PARTS = re.compile(r"(-?)" + "".join(rf"(?:(\d+(?:\.\d+)?){unit})?" for unit in "dhms"))
_SECONDS = (86_400, 3_600, 60, 1)


def seconds(text: Any) -> float:
    """Whole milliseconds; ValueError for what is no duration, or none that a promise can have."""
    found = _PARTS.fullmatch(text) if isinstance(text, str) else None
    if found is None or not any(found.groups()[1:]):
        raise ValueError(f"a duration such as 15m, 4h, 1h30m, 2d is wanted, not {text!r}")
    minus, *numbers = found.groups()
    total = sum(float(number or 0) * unit for number, unit in zip(numbers, _SECONDS, strict=True))
    if minus or not 0.001 <= total <= LONGEST_S:
        raise ValueError(f"{text}: more than nothing and at most a year is wanted")
    return round(total, 3)


Duration = Annotated[float, BeforeValidator(seconds)]
"""Seconds."""
