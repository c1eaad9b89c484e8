"""Self-service answers nobody who speaks of a danger: a person takes over at once (IN-11)."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.intake.domain.ask import Asked, Known, decide_ask
from services.intake.domain.knowledge import Library
from services.intake.domain.rules import Rules
from services.intake.domain.rules_ask import AskFile
from tests.unit.intake.given import NOW, RULES, arrive
from tests.unit.intake.test_ask import RESET, answer, said


@pytest.mark.parametrize(
    "text",
    [
        "路由器R6漏电怎么重置",
        "路由器R6起火了，怎么重置",
        "路由器R6冒烟了怎么重置",
        "路由器R6烧起来了怎么重置",
        "my router is burning, how do I reset my router?",
        "my router is on fire how do I reset my router",
        "there is smoke from the router, how do I reset my router?",
    ],
)
def test_IN_11_a_device_that_endangers_people_is_no_matter_of_steps(text: str) -> None:
    talk = said(text)
    assert (talk.handed_over, talk.reply.why, talk.reply.risk) == (True, "risk", "safety")
    (contact,) = talk.waiting.values()
    assert arrive(None, contact).state.priority == "P0"


def test_IN_11_a_danger_ends_the_steps_of_an_entry_and_comes_before_all_other_wishes() -> None:
    assert said(RESET, "按了以后冒烟了，还是不行").reply.why == "risk"
    assert said("冒烟了，转人工").reply.why == "risk"


def test_IN_11_what_to_do_first_is_said_in_the_askers_language() -> None:
    assert answer(said("路由器R6漏电怎么重置"))["answer"].startswith(RULES.ask.risks["safety"]["zh"])
    for language in ("en", "es"):
        told = answer(said("my router is on fire how do I reset my router", language=language))
        assert told["answer"].startswith(RULES.ask.risks["safety"]["en"])
        assert told["why"] == "risk"
        assert "risk" not in told


def test_IN_11_a_stolen_card_is_not_taken_for_a_double_charge() -> None:
    told = answer(said("my card was stolen and someone charged twice"))
    assert (told["handed_over"], told["why"]) == (True, "risk")
    assert "freeze the account" in told["answer"]


def rules(**ask: Any) -> Rules:
    """The shipped ones with another `ask.yaml`."""
    files = {name: getattr(RULES, name) for name in Rules.model_fields}
    return Rules.model_validate({**files, "ask": AskFile.model_validate({**RULES.ask.model_dump(), **ask})})


def test_PF_4_which_risks_these_are_is_configuration() -> None:
    asked = Asked(source="app", conversation="k1", text="路由器R6漏电怎么重置")
    known, none = Known(Library(RULES.knowledge.entries)), rules(risks={})
    assert not decide_ask(None, NOW, asked=asked, known=known, rules=none).state.handed_over
    legal = rules(risks={"legal": {"zh": "。", "en": "."}})
    sued = asked.model_copy(update={"text": "怎么申请退款，我要起诉你们"})
    assert decide_ask(None, NOW, asked=sued, known=known, rules=legal).state.reply.risk == "legal"


def test_PF_4_what_is_said_first_is_there_in_every_language() -> None:
    read: dict[str, Any] = RULES.ask.model_dump()
    del read["risks"]["safety"]["zh"]
    with pytest.raises(ValidationError, match=r"risks\.safety\.zh is missing"):
        AskFile.model_validate(read)


def test_PF_4_a_risk_or_a_category_that_no_other_file_knows_is_refused() -> None:
    told = {"zh": "。", "en": "."}
    for change, named in (
        ({"risks": {"weather": told}}, "ask.risks: weather is not a risk of words"),
        ({"order_categories": [["占星"]]}, "ask.order_categories: 占星 is not in categories"),
    ):
        with pytest.raises(ValidationError, match=named):
            rules(**change)
