"""Everyone else who is at work while things fail: agents, departments, customers who answer surveys. All outsiders."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from demo.agents import Crew, Profile, crew_for
from demo.customers import Customers
from demo.departments import Departments
from demo.doors import Doors
from demo.tally import Seen
from demo.told import Told
from tests.e2e.house import Said
from tests.faults.fleet import Fleet
from tests.faults.ledger import Books
from tests.faults.pen import Pen

PEOPLE, PACE = 24, 0.15
TELL_S = 0.2
REST_WITHIN_S = 60.0


def people(row: int, contacts: int) -> list[Profile]:
    """This row's agents. They have few places more than there will be cases that are still open at the end."""
    places = 6 + contacts // (8 * PEOPLE)
    crew = crew_for(PEOPLE * 10)[:PEOPLE]
    return [replace(one, agent_id=f"D{row:02}{one.agent_id[1:]}", places=places) for one in crew]


@asynccontextmanager
async def at_work(
    fleet: Fleet, books: Books, pen: Pen, told: Told, row: int, contacts: int
) -> AsyncIterator[Customers]:
    """While the block runs, cases are worked on, calls answered, and surveys of messages that are handed on."""
    writer: Any = pen
    async with Doors(fleet.env) as doors, AsyncExitStack() as closing:
        crew = Crew(people(row, contacts), doors, writer, PACE, hour_s=1.0)
        departments, customers = Departments(writer), Customers()
        reader = _reader(crew, departments)
        books.readers.append(reader)
        closing.callback(books.readers.remove, reader)
        await crew.sign_on()
        for work in (crew.run(), departments.run(), customers.run(), _telling(told)):
            task = asyncio.create_task(work)
            closing.push_async_callback(_ended, task)
        yield customers
        crew.finish()
        with suppress(TimeoutError):
            await asyncio.wait_for(crew.rest(), REST_WITHIN_S)


def _reader(crew: Crew, departments: Departments) -> Any:
    def take(said: Said) -> None:
        if said.topic == "assignments.v1":
            crew.take(_seen(said))
        elif said.topic.startswith("escalations."):
            departments.take(_seen(said))

    return take


def _seen(said: Said) -> Seen:
    return Seen(said.topic, said.headers, said.data, time.monotonic())


async def _telling(told: Told) -> None:
    while True:
        told.read()
        await asyncio.sleep(TELL_S)


async def _ended(task: asyncio.Task[None]) -> None:
    """A worker of the crowd that broke is an error of the suite."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
