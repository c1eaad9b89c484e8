from datetime import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from services.intake.domain.ask import Asked, Conversation, Known, decide_ask, settle, told
from services.intake.domain.case import Case
from services.intake.domain.knowledge import Library
from services.intake.domain.rules_ask import AskFile
from tests.unit.intake.given import HOUR, NOW, RULES, arrive, opened

LIBRARY = Library(RULES.knowledge.entries)
RESET = "路由器R6怎么重置"


def said(*texts: str, cases: tuple[Case, ...] = (), now: datetime = NOW, **fields: Any) -> Conversation:
    talk: Conversation | None = None
    for text in texts:
        talk = goes_on(talk, text, cases=cases, now=now, **fields)
    assert talk is not None
    return talk


def goes_on(
    talk: Conversation | None, text: str, *, cases: tuple[Case, ...] = (), now: datetime = NOW, **fields: Any
) -> Conversation:
    asked = Asked.model_validate({"source": "app", "conversation": "k1", "text": text, **fields})
    return decide_ask(talk, now, asked=asked, known=Known(LIBRARY, cases), rules=RULES).state


def answer(talk: Conversation) -> dict[str, Any]:
    return told(talk, RULES)


def test_S8_a_frequent_question_is_answered_with_its_source_and_confidence() -> None:
    got = answer(said(RESET))
    assert got["handed_over"] is False
    assert (got["source"]["id"], got["source"]["version"]) == ("router-r6-reset", 2)
    assert got["source"]["scenario"].startswith("忘记管理密码")
    assert got["confidence"] >= RULES.ask.sure_from
    assert "第 1 步，共 4 步" in got["answer"]
    assert len(got["steps"]) == 4


def test_IN_11_the_answer_is_in_the_askers_language() -> None:
    assert "Step 1 of 4" in answer(said("How do I reset my router?"))["answer"]
    assert "Step 1 of 4" in answer(said(RESET, language="en"))["answer"]
    spanish = answer(said("How do I reset my router?", language="es"))
    assert (spanish["language"], spanish["source"]["language"]) == ("es", "en"), "in what there is"


@pytest.mark.parametrize(
    "text",
    [
        "转人工",
        "还是不行，转人工",
        "我要人工客服",
        "agent please",
        "I want to speak to someone",
        "quiero un agente humano",
    ],
)
def test_S8_who_asks_for_a_person_gets_one_at_once(text: str) -> None:
    assert (said(text).handed_over, said(text).reply.why) == (True, "asked")
    assert said(RESET, text).reply.why == "asked"


def test_IN_11_who_is_not_surely_answered_gets_a_person_at_once() -> None:
    talk = said("可以货到付款吗")
    assert (talk.handed_over, talk.reply.why) == (True, "unsure")


def test_IN_11_trouble_is_shot_step_by_step_until_a_person_takes_over() -> None:
    talk = said(RESET)
    for number in (2, 3, 4):
        talk = goes_on(talk, "还是不行")
        assert f"第 {number} 步，共 4 步" in answer(talk)["answer"]
        assert answer(talk)["step"] == number
    talk = goes_on(talk, "试过了，没用")
    assert (talk.handed_over, talk.reply.why) == (True, "steps_ended")
    assert goes_on(said("退款多久到账"), "还是不行").reply.why == "steps_ended", (
        "an answer without steps has no next one"
    )


def test_IN_11_another_question_leaves_the_steps_and_a_word_of_thanks_ends_them() -> None:
    assert answer(said(RESET, "退款多久到账"))["source"]["id"] == "refund-when"
    talk = said(RESET, "已经好了")
    assert (talk.handed_over, answer(talk)["answer"], talk.entry) == (False, RULES.ask.texts["zh"].solved, None)


def test_IN_11_a_step_whose_entry_is_gone_hands_over() -> None:
    talk = said(RESET)
    asked = Asked(source="app", conversation="k1", text="还是不行")
    after = decide_ask(talk, NOW, asked=asked, known=Known(Library(())), rules=RULES).state
    assert after.reply.why == "steps_ended"


def test_IN_10_what_is_handed_over_holds_all_that_was_said_on_both_sides() -> None:
    talk = said(RESET, "还是不行，转人工", customer={"app_id": "app-s8"})
    (contact,) = talk.waiting.values()
    assert (contact.text, contact.channel, contact.customer.app_id) == (f"{RESET}\n还是不行，转人工", "app", "app-s8")
    assert [(turn.by, turn.source) for turn in contact.self_service] == [
        ("customer", None), ("self_service", "router-r6-reset@2"), ("customer", None),
    ]  # fmt: skip
    note = arrive(None, contact).note
    assert note is not None
    assert note.text == contact.text
    assert [turn["text"] for turn in note.data["self_service"]][0::2] == [RESET, "还是不行，转人工"]


def test_IN_11_what_is_said_after_a_person_took_over_joins_the_same_case() -> None:
    talk = said(RESET, "转人工")
    (first,) = talk.waiting.values()
    case = arrive(None, first).state
    talk = settle(talk, NOW, settled=frozenset(talk.waiting), case=case).state
    assert (answer(talk)["case_id"], answer(talk)["number"]) == (case.case_id, case.number)
    later = goes_on(talk, "路由器型号是R6")
    (contact,) = later.waiting.values()
    assert (contact.conversation, contact.id != first.id, contact.self_service) == (first.conversation, True, ())
    assert answer(later)["case_id"] == case.case_id


def test_a_contact_that_may_be_in_its_case_already_is_sent_again_word_for_word() -> None:
    talk = said("转人工", customer={"app_id": "a"})
    later = goes_on(talk, "急", customer={"phone": "+8613800138000"}, now=NOW + HOUR)
    assert next(iter(later.waiting.values())) == next(iter(talk.waiting.values()))
    assert len(later.waiting) == 2


def test_what_came_meanwhile_still_waits_when_the_first_is_in_its_case() -> None:
    talk = said("转人工")
    later = goes_on(talk, "急")
    after = settle(later, NOW, settled=frozenset(talk.waiting), case=opened()).state
    assert [contact.text for contact in after.waiting.values()] == ["急"]


def test_a_conversation_begun_again_later_makes_other_contacts() -> None:
    one, two = said("转人工"), said("转人工", now=NOW + HOUR)
    assert next(iter(one.waiting.values())).id != next(iter(two.waiting.values())).id


def test_IN_11_the_state_of_his_own_cases_is_told_to_who_is_vouched_for() -> None:
    case = opened("订单A20261121-553退款没到账").changed(status="in_progress", due_at=NOW + HOUR)
    got = answer(said("我的工单处理到哪了", cases=(case,)))
    assert case.number in got["answer"]
    assert "处理中" in got["answer"]
    assert "2026-11-22 10:00" in got["answer"]
    assert answer(said("what is the status of my case", cases=(case,)))["answer"].startswith(f"Case {case.number}")
    assert said("我的工单处理到哪了").handed_over, "who is not known, or has none, is asked by a person"


def test_IN_11_after_many_questions_a_person_takes_over() -> None:
    talk = said(*[RESET] * (RULES.ask.most_questions - 1))
    assert not talk.handed_over
    assert goes_on(talk, RESET).reply.why == "many_questions"


def test_the_longest_conversation_fits_into_a_contact() -> None:
    talk = said(*["重" * 1000] * 1)
    assert talk.handed_over
    long = said(*[RESET.ljust(1000, "。")] * RULES.ask.most_questions)
    (contact,) = long.waiting.values()
    assert len(contact.model_dump_json().encode()) < 256 * 1024


@pytest.mark.parametrize(
    "body",
    [{"text": ""}, {"text": "  "}, {"text": "x" * 65537}, {"conversation": ""}, {"source": ""}, {"channel": "pigeon"}],
)
def test_what_can_not_be_asked_is_refused_and_named(body: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as error:
        Asked.model_validate({"source": "app", "conversation": "k", "text": "x", **body})
    assert error.value.errors()[0]["loc"] == (*body,)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"texts": {"zh": RULES.ask.texts["zh"].model_dump()}}, "texts"),
        ({"texts": {"en": {**RULES.ask.texts["en"].model_dump(), "step": "{colour}"}}}, "texts"),
        ({"sure_from": 1.5}, "sure_from"),
        ({"words": {"person": ["a + "]}}, "words"),
        ({"words": {"weather": ["rain"]}}, "words"),
    ],
)
def test_PF_4_rules_of_self_service_that_can_not_be_used_are_refused(change: dict[str, Any], where: str) -> None:
    with pytest.raises(ValidationError) as error:
        AskFile.model_validate({**RULES.ask.model_dump(), **change})
    assert error.value.errors()[0]["loc"][0] == where
