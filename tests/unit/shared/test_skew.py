"""A clock is right until it is certain that it is not."""

from datetime import timedelta
from typing import Any

import pytest

from shared.errors import WrongClock
from shared.metrics import Metrics
from shared.skew import CheckedClock
from tests.unit.shared.tally import T0


class Moments:
    """The database's time, a steady time that keeps pace with it, and a clock that is `skew` seconds ahead."""

    def __init__(self) -> None:
        self.gone, self.skew, self.answers_after = 0.0, 0.0, 0.0
        self.metrics = Metrics("test")
        self.checked = CheckedClock(self.clock, lambda: 1000 + self.gone, self, self.metrics)

    def clock(self) -> Any:
        return T0 + timedelta(seconds=self.gone + self.skew)

    async def command(self, *_: Any, **__: Any) -> dict[str, Any]:
        self.gone += self.answers_after
        return {"localTime": T0 + timedelta(seconds=self.gone - self.answers_after)}

    def right(self) -> bool:
        try:
            self.checked()
        except WrongClock:
            return False
        return True


async def test_a_clock_that_was_never_compared_is_believed() -> None:
    moments = Moments()
    moments.skew = 3600
    assert moments.right()


@pytest.mark.parametrize(("skew", "right"), [(0.99, True), (-0.99, True), (1.01, False), (-1.01, False)])
async def test_it_may_be_a_second_off(skew: float, right: bool) -> None:
    moments = Moments()
    moments.skew = skew
    await moments.checked.compare()
    assert moments.right() is right
    assert moments.metrics.clock_skew_seconds._value.get() == pytest.approx(skew, abs=0.002)


async def test_a_jump_is_seen_before_the_next_comparison_and_so_is_its_end() -> None:
    moments = Moments()
    await moments.checked.compare()
    moments.gone, moments.skew = 0.5, 3600
    assert moments.checked.wrong() == "this clock is +3600.0 s off the database's"
    moments.gone, moments.skew = 0.9, 0
    assert moments.right()


async def test_an_answer_that_took_long_proves_nothing_about_a_small_difference() -> None:
    """A busy machine must not stop itself; an hour is an hour all the same."""
    moments = Moments()
    moments.answers_after = 4.0
    await moments.checked.compare()
    assert moments.right()
    moments.skew = 3600
    await moments.checked.compare()
    assert not moments.right()
