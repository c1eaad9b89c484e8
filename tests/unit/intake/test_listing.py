"""Where a list of cases is looked for, and what is said when that takes too long."""

from types import SimpleNamespace
from typing import Any

import pytest
from pymongo.errors import ExecutionTimeout

from services.intake.domain.query import read
from services.intake.listing import Filters, Listing
from shared.http import Problem
from tests.unit.intake.given import RULES


class Slow:
    """Whatever is asked of it takes too long."""

    async def find(self, *_: Any, **__: Any) -> list[str]:
        raise ExecutionTimeout("operation exceeded time limit")


async def test_a_search_that_takes_too_long_is_stopped_and_asked_to_be_narrowed() -> None:
    nobody: Any = SimpleNamespace()
    slow: Any = Slow()
    with pytest.raises(Problem) as problem:
        await Listing(nobody, slow).find(Filters(), read("打印机 卡纸", RULES), 50)
    assert (problem.value.status, problem.value.type, problem.value.field) == (422, "search_too_wide", "q")
    assert "narrow it by status, priority, customer or time" in problem.value.detail
