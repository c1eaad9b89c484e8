"""预计处理周期 as an operator writes it: hours by the wall clock `8h`, or `1 working day`, `3 working days`."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

_WRITTEN = re.compile(r"([1-9]\d{0,2})h|(1) working day|([2-9]|[1-9]\d{1,2}) working days", re.ASCII)


@dataclass(frozen=True, slots=True)
class Expected:
    number: int
    unit: Literal["hour", "working_day"]


def expected(written: Any) -> Expected:
    """ValueError for what is neither whole hours nor whole working days, from 1 to 999."""
    found = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise ValueError(f"a time such as 8h, 1 working day, 3 working days is wanted, not {written!r}")
    hours, one, more = found.groups()
    return Expected(int(hours), "hour") if hours else Expected(int(one or more), "working_day")


Expectation = Annotated[Expected, BeforeValidator(expected)]
