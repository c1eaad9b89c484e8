"""IN-12: whoever supervises a case is warned of an upset customer, once for each degree, with the words that say so."""

from typing import Any

import pytest

from services.notify.domain import tell
from services.notify.domain.casefile import Casefile
from services.notify.domain.rules import Rules
from shared.events.cases import Sentiment
from tests.unit.notify.build import (
    NOW,
    NUMBER,
    RULES,
    added_event,
    assigned_event,
    delivered,
    documents,
    opened,
    opened_event,
    queued_event,
    staffed,
)

ANGRY = Sentiment(score=-0.8, label="strong_negative", heard=("态度恶劣", "再也不"))
COOL = Sentiment(score=-0.3, label="negative", heard=("慢",))
S1 = "pool:payments.zh"


def says(state: Casefile, feeling: Sentiment, n: int = 1, rules: Rules = RULES) -> Casefile:
    event = added_event().model_copy(update={"sentiment": feeling})
    return tell.contact_added(state, NOW, event=event, cause=f"event-a{n}", rules=rules).state


def queued(state: Casefile) -> Casefile:
    return tell.queued(state, NOW, event=queued_event(), cause="event-q", rules=RULES).state


def assigned(state: Casefile, agent: str = "Z01") -> Casefile:
    event = assigned_event(agent, supervisor="S01")
    return tell.assigned(state, NOW, event=event, cause="event-2", rules=RULES).state


def warnings(state: Casefile) -> list[str]:
    return [message.to for message in state.messages if message.template == "upset"]


def test_IN_12_S10_the_supervisors_of_the_pool_that_takes_it_in_are_warned_with_the_words() -> None:
    state = opened(sentiment=ANGRY)
    assert warnings(state) == [], "nobody has it yet"
    state = queued(state)
    assert warnings(state) == [S1]
    text = state.messages[-1].text
    assert NUMBER in text
    assert "非常不满（态度恶劣、再也不）" in text


def test_IN_12_the_supervisor_of_the_agent_who_has_it_is_warned_at_once() -> None:
    assert warnings(says(staffed(), ANGRY)) == ["S01"]


@pytest.mark.parametrize("feeling", [COOL, Sentiment(score=0.5, label="positive"), None])
def test_IN_12_who_is_less_upset_than_the_rules_say_alarms_nobody(feeling: Sentiment | None) -> None:
    state = queued(opened(sentiment=feeling))
    assert (warnings(state), state.warned) == ([], ())


def test_IN_12_anger_that_lasts_is_told_once_whoever_has_the_case_by_then() -> None:
    state = queued(opened(sentiment=ANGRY))
    state = assigned(says(delivered(state), ANGRY))
    for n in range(2, 6):
        state = says(state, ANGRY, n)
    state = queued(state)
    assert warnings(state) == []
    assert [end.template for end in state.finished].count("upset") == 1


def test_IN_12_each_degree_that_the_rules_name_is_told_once() -> None:
    read = documents()
    read["channels"]["staff"]["warned_of"] = ["negative", "strong_negative"]
    rules = Rules.parse(read)
    state = staffed()
    for n, feeling in enumerate((COOL, ANGRY, COOL, ANGRY)):
        state = says(state, feeling, n, rules)
    assert warnings(state) == ["S01", "S01"]
    assert ["客户不满" in m.subject for m in state.messages if m.template == "upset"] == [True, False]


def test_IN_12_the_warning_is_in_the_language_of_the_staff() -> None:
    read = documents()
    read["channels"]["staff"]["language"] = "en"
    state = says(staffed(), ANGRY, rules=Rules.parse(read))
    assert "is very upset (态度恶劣, 再也不)" in state.messages[-1].text


def test_IN_12_anger_that_only_the_voice_tells_has_no_words_and_is_told() -> None:
    state = says(staffed(), Sentiment(score=-0.9, label="strong_negative"))
    assert "客户非常不满。" in state.messages[-1].text


def test_a_drill_warns_nobody() -> None:
    assert warnings(queued(opened(sentiment=ANGRY, drill=True))) == []


def test_a_case_file_of_the_version_before_has_warned_of_nothing() -> None:
    old: dict[str, Any] = opened().model_dump(exclude={"upset", "warned"})
    assert warnings(queued(Casefile.model_validate(old))) == []


def test_IN_2_what_is_missing_is_asked_for_once_in_the_customers_language() -> None:
    event = opened_event(missing=("order", "serial"))
    (message,) = tell.opened(None, NOW, event=event, cause="event-1", rules=RULES).state.messages
    assert "请补充：订单号、序列号。" in message.text
    (mail,) = opened(missing=("order",), language="en", channel="email").messages
    assert "please tell us: order number." in mail.text
    more = added_event().model_copy(update={"missing": ("order", "serial")})
    told = tell.contact_added(opened(missing=("order",)), NOW, event=more, cause="event-2", rules=RULES)
    assert [message.template for message in told.state.messages] == ["received"]


def test_IN_2_where_nothing_is_missing_nothing_is_asked_for() -> None:
    (message,) = opened().messages
    assert "补充" not in message.text


def test_IN_2_a_name_that_the_terms_do_not_know_is_asked_for_as_it_is() -> None:
    (message,) = opened(missing=("meter",)).messages
    assert "请补充：meter。" in message.text
