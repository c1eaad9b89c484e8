"""IN-12, IN-2: an upset customer is told of to who supervises his case, and what is missing is asked for, over a real
broker and database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.events.assignments import CaseAssigned
from shared.events.cases import CaseContactAdded, ContactRef, Sentiment
from shared.ids import named
from tests.component.conftest import Alone
from tests.component.neighbours import (
    Neighbour,
    case_assigned,
    case_opened,
    case_queued,
    ids,
    nothing_changes_when_read_again,
)
from tests.e2e.house import READS as READERS
from tests.e2e.house import House
from tests.waiting import eventually

pytestmark = pytest.mark.stack
READS, GIVES = tuple(sorted(READERS["notify"])), ("notifications.v1",)
ANGRY = Sentiment(score=-0.8, label="strong_negative", heard=("态度恶劣", "再也不"))


@pytest.fixture(scope="module")
async def notify(alone: Alone) -> AsyncIterator[House]:
    async with alone("notify") as house:
        yield house


def told(notify: House, case: str, template: str) -> list[dict[str, Any]]:
    return [line for line in notify.told() if (line["case_id"], line["template"]) == (case, template)]


def added(case: str, n: int) -> CaseContactAdded:
    return CaseContactAdded(
        **ids(case), contact_id=named("contact", case, n), contact=ContactRef(source="test", id=str(n)),
        channel="phone", sentiment=ANGRY,
    )  # fmt: skip


def assigned(case: str) -> CaseAssigned:
    return case_assigned(case).model_copy(update={"supervisor": "S01"})


async def test_IN_12_S10_the_supervisors_of_the_pool_are_warned_once_with_the_words(notify: House) -> None:
    intake, routing = Neighbour(notify, "intake"), Neighbour(notify, "routing")
    opened = case_opened("angry at once", sentiment=ANGRY, missing=("order",))
    case = opened.case_id
    routing.has_seen(case, cases=1)
    await intake.says(opened)
    await routing.says(case_queued(case))
    (warning,) = await eventually(lambda: told(notify, case, "upset"))
    assert (warning["channel"], warning["to"], warning["language"]) == ("desk", "pool:payments.zh", "zh")
    assert "态度恶劣、再也不" in warning["text"]
    (received,) = told(notify, case, "received")
    assert "请补充：订单号。" in received["text"]

    await routing.says(assigned(case))
    await intake.says(*(added(case, n) for n in range(2, 5)))
    await notify.quiet()
    assert len(told(notify, case, "upset")) == 1
    assert len(told(notify, case, "received")) == 1


async def test_IN_12_anger_that_comes_later_is_told_to_the_agents_supervisor(notify: House) -> None:
    intake, routing = Neighbour(notify, "intake"), Neighbour(notify, "routing")
    opened = case_opened("angry later")
    case = opened.case_id
    await intake.says(opened)
    routing.has_seen(case, cases=1)
    await routing.says(case_queued(case), assigned(case))
    await eventually(lambda: told(notify, case, "assigned"))
    await intake.says(added(case, 2))
    (warning,) = await eventually(lambda: told(notify, case, "upset"))
    assert warning["to"] == "S01"


async def test_IN_12_a_warning_is_not_told_again_when_all_is_read_again(notify: House) -> None:
    await nothing_changes_when_read_again(notify, "notify", READS, GIVES)
