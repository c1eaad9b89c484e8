"""What may help with a case (IN-9): never what the customer's own cases say, whatever ids he was known under."""

from typing import Any, cast

from services.intake.domain.similar import Frequencies
from services.intake.help import Helper
from tests.unit.intake.given import opened


class Customers:
    async def everyone_who_is(self, customer_id: str) -> tuple[str, ...]:
        return (customer_id, "merged-into-him")


class Cases:
    customers = Customers()

    async def get_many(self, ids: list[str]) -> dict[str, Any]:
        return {}


class Search:
    def __init__(self) -> None:
        self.but: tuple[str, ...] = ()

    async def candidates(self, own: frozenset[str], but: tuple[str, ...]) -> list[tuple[str, frozenset[str]]]:
        self.but = but
        return []

    async def frequencies(self) -> Frequencies:
        return Frequencies.counted([])


async def test_IN_9_no_case_of_the_customer_himself_is_called_similar_also_after_a_merge() -> None:
    search, case = Search(), opened("电视屏幕有一条黑线")
    cases, found, unasked = cast(Any, Cases()), cast(Any, search), cast(Any, None)
    await Helper(cases, found, unasked, unasked).similar(case)
    assert search.but == (case.customer_id, "merged-into-him")
