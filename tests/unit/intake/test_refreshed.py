"""IN-9, IN-16: what a case says of itself goes with each new message."""

from services.intake.domain.case import Case
from services.intake.domain.findable import about
from services.intake.domain.knowledge import Library
from tests.unit.intake.given import RULES, arrive, contact, opened

LIBRARY = Library(RULES.knowledge.entries)


def suggested(case: Case) -> list[str]:
    return [one.entry.id for one in LIBRARY.suggested(about(case), case.category, RULES.ask.suggest_from)]


def test_IN_9_a_further_message_refreshes_what_is_suggested() -> None:
    vague = opened("你好，在吗")
    clear = arrive(vague, contact("一体机E500开不了机，按电源键没有反应", id="c2")).state
    assert suggested(vague) == []
    assert suggested(clear)[0] == "pos-e500-no-power"
