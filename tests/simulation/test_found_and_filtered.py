"""What names a case or a customer and what filters hold together, over the real stores."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.intake.domain.case import Case
from services.intake.domain.query import read
from services.intake.listing import Filters, Listing
from tests.simulation.scheduler import run
from tests.simulation.test_who_is_told import MOBILE, intake, says

EARLY, LATE = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
NOTHING: Any = None
"""In the place of the search index, which is not asked for what names a case."""
HER_MAIL = "fang@x.example"


class Nowhere:
    """A search index without that case."""

    async def find(self, *_: Any) -> list[str]:
        return []


def filters_of(case: Case, path: int) -> list[tuple[Filters, Filters]]:
    """Filters that hold for a case, and beside each one that does not."""
    category = " / ".join(case.category[:path])
    return [
        (Filters(category=category), Filters(category="物流查询")),
        (Filters(status=case.status), Filters(status="closed")),
        (Filters(priority=case.priority), Filters(priority="P0")),
        (Filters(customers=[case.customer_id]), Filters(customers=["nobody"])),
        (Filters(since=EARLY), Filters(since=LATE)),
        (Filters(until=LATE), Filters(until=EARLY + timedelta(days=1))),
    ]


@pytest.mark.parametrize("path", [1, 2, 3])
@pytest.mark.parametrize("by", ["number", "phone", "mail"])
def test_a_named_case_is_found_with_every_filter_that_holds_for_it_and_with_no_other(by: str, path: int) -> None:
    async def story() -> None:
        cases, _ = await intake()
        text = "昨天支付了两次，重复扣款，请尽快退款"
        case = await says(cases, "phone", "1", text, "talk-1", phone=MOBILE, email=HER_MAIL)
        await says(cases, "phone", "2", "打印机卡纸", "talk-2", phone="+8613900139000")
        assert len(case.category) == 3
        q = {"number": case.number, "phone": "138 0013 8000", "mail": HER_MAIL}[by]
        asked, nowhere = read(q, cases.rules()), Nowhere()
        listing: Any = Listing(cases, nowhere)  # type: ignore[arg-type]
        for holds, not_ in filters_of(case, path):
            assert [one.case_id for one in await listing.find(holds, asked, 50)] == [case.case_id], holds
            assert await listing.find(not_, asked, 50) == [], not_
        both, _ = filters_of(case, path)[0]
        assert await listing.find(replace(both, priority="P0"), asked, 50) == [], "all that is given must hold"

    run(story, 1)


def test_the_pages_of_a_customer_in_one_category_hold_all_of_it() -> None:
    async def story() -> None:
        cases, _ = await intake()
        orders = [f"订单A20261121-{n}重复扣款，请退款" for n in (101, 102, 103)]
        for n, text in enumerate((*orders, "打印机卡纸，硬件故障，无法打印")):
            await says(cases, "web", str(n), text, phone=MOBILE)
        found = await Listing(cases, NOTHING).find(Filters(category="支付问题"), read(MOBILE, cases.rules()), 3)
        assert len(found) == 3

    run(story, 1)
