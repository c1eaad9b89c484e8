"""What the desk remembers of customers while their cases come and go, and how it ends."""

import asyncio
from collections.abc import Callable
from typing import Any

from services.routing.desk import Desk
from services.routing.domain.ticket import Ticket
from shared.fold import Outcome
from shared.metrics import Metrics
from tests.unit.routing.makers import NOW, RULES, ticket
from tests.unit.shared.tally import TestClock


class Tickets:
    """Everybody was helped by Z01. `meanwhile` happens while that is looked up."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], Any] = lambda: None

    async def helpers(self, customers: set[str], since: Any) -> dict[str, str]:
        self.meanwhile()
        return dict.fromkeys(customers, "Z01")


def desk_over(tickets: Tickets) -> Desk:
    nothing: Any = Any
    parts = dict.fromkeys(("agents", "rules", "estimates", "producer"), nothing)
    return Desk(tickets, **parts, metrics=Metrics("test"), clock=TestClock(NOW))  # type: ignore[arg-type]


async def test_a_desk_that_is_woken_at_the_moment_of_its_end_ends_all_the_same() -> None:
    """One that went on would keep its process, and the partitions of that, for ever."""
    desk = desk_over(Tickets())
    task = asyncio.create_task(desk.run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    desk.wake()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_RT_4_a_customer_whose_case_ends_while_others_are_looked_up_is_looked_up_the_next_time() -> None:
    tickets = Tickets()
    desk = desk_over(tickets)
    first, second = of("C1"), of("C2")
    assert await desk.who_knows([first], RULES) == {"C1": "Z01"}
    ended = Outcome[Any]("applied", first.case_id, first.model_copy(update={"status": "done"}))
    tickets.meanwhile = lambda: desk._observe([ended])
    assert await desk.who_knows([first, second], RULES) == {"C2": "Z01"}
    assert await desk.who_knows([first, second], RULES) == {"C1": "Z01", "C2": "Z01"}


def of(customer: str) -> Ticket:
    return ticket().model_copy(update={"customer_id": customer})
