"""IN-9: what helps with a case is found anew with each message, by all that the customer has said."""

from services.intake.domain.case import Case
from services.intake.domain.findable import about
from services.intake.domain.knowledge import Library
from tests.unit.intake.given import NOW, RULES, arrive, contact, opened

LIBRARY = Library(RULES.knowledge.entries)


def suggested(case: Case) -> list[str]:
    return [one.entry.id for one in LIBRARY.suggested(about(case), case.category, RULES.ask.suggest_from)]


def test_IN_9_a_further_message_brings_what_fits_it_and_keeps_what_fitted_before() -> None:
    first = opened("退款多久到账")
    assert "refund-when" in suggested(first)
    assert "router-r6-reset" not in suggested(first)
    joined = arrive(first, contact("还想问路由器R6怎么重置", id="c2"), NOW).state
    assert {"refund-when", "router-r6-reset"} <= set(suggested(joined))
