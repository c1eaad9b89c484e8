"""What a newer version of an entry leaves as it was (IN-21), for whom it is and what it holds for (FB-22)."""

from typing import Any

import pytest

from services.intake.domain.approve import Approved, approve, retire
from services.intake.domain.ask import Asked, Known, decide_ask
from services.intake.domain.entry import Entry
from services.intake.domain.findable import about
from services.intake.domain.firmware import older
from services.intake.domain.knowledge import Library, brief
from shared.events.feedback import KnowledgeApproved, KnowledgeRetired
from tests.unit.intake.given import NOW, RULES, opened
from tests.unit.intake.test_ask import said
from tests.unit.intake.test_knowledge import LIBRARY, SHIPPED, approved

RESET = "路由器怎么重置，忘记管理密码了"
STAFF_ONLY = {"charged-twice-handling", "invoice-correction-handling"}


def of_router(language: str, version: int, **fields: Any) -> KnowledgeApproved:
    title = {"zh": "路由器 R6 重置（新版）", "en": "Reset the R6 (new)", "es": "Restablecer el R6"}[language]
    questions = ["重置 R6 路由器"] if language == "zh" else []
    return approved(
        knowledge_id="router-r6-reset", version=version, language=language, title=title, questions=questions, **fields
    )


def after(*events: KnowledgeApproved | KnowledgeRetired) -> Approved:
    state: Approved | None = None
    for event in events:
        if isinstance(event, KnowledgeApproved):
            state = approve(state, NOW, event=event).state
        else:
            state = retire(state, NOW, event=event).state
    assert state is not None
    return state


def in_force(*events: KnowledgeApproved | KnowledgeRetired) -> Entry:
    return Library(SHIPPED, [after(*events)]).entries["router-r6-reset"]


def retired(version: int) -> KnowledgeRetired:
    return KnowledgeRetired(knowledge_id="router-r6-reset", version=version)


def test_IN_21_a_newer_version_in_one_language_leaves_the_shipped_other_one_and_the_products() -> None:
    entry = in_force(of_router("zh", 3))
    assert entry.texts["zh"].title == "路由器 R6 重置（新版）"
    assert entry.texts["en"].title == "Reset the router R6 to factory settings"
    assert (entry.version, entry.version_in("zh"), entry.version_in("en")) == (3, 3, 2)
    assert (entry.products, entry.firmware) == (("R6",), "1.2 and later")
    assert entry.categories == LIBRARY.entries["router-r6-reset"].categories


def test_IN_21_the_other_language_stays_until_its_own_newer_version_comes() -> None:
    entry = in_force(of_router("en", 3), of_router("zh", 4))
    assert (entry.texts["en"].title, entry.version_in("en")) == ("Reset the R6 (new)", 3)
    entry = in_force(of_router("en", 3), of_router("zh", 4), of_router("en", 5))
    assert (entry.version, entry.version_in("en"), entry.version_in("zh")) == (5, 5, 4)


def test_IN_21_a_text_is_told_with_the_version_that_said_it() -> None:
    found = Library(SHIPPED, [after(of_router("zh", 3))]).answer("How do I reset my router?")
    assert found is not None
    assert (brief(found, "en").version, brief(found, "zh").version) == (2, 3)


def test_FB_22_a_version_that_says_what_it_holds_for_is_believed() -> None:
    entry = in_force(of_router("zh", 3, products=["R7"]))
    assert (entry.products, entry.firmware) == (("R7",), "")


def test_IN_21_a_shipped_entry_that_is_newer_leaves_a_language_that_only_the_approved_one_has() -> None:
    entry = in_force(of_router("es", 1))
    assert (entry.version, set(entry.texts), entry.version_in("es")) == (2, {"zh", "en", "es"}, 1)


def test_what_was_retired_does_not_come_back_with_a_newer_version_of_another_language() -> None:
    assert set(in_force(retired(2), of_router("zh", 3)).texts) == {"zh"}
    assert set(in_force(of_router("zh", 3), of_router("en", 4), retired(3)).texts) == {"en"}
    state = after(of_router("zh", 3), of_router("en", 4), retired(3))
    assert retire(state, NOW, event=retired(3)).state is state
    assert approve(state, NOW, event=of_router("zh", 3)).state is state
    gone = after(of_router("zh", 3), retired(3))
    assert "router-r6-reset" not in Library(SHIPPED, [gone]).entries


def test_what_an_older_process_retired_stays_retired() -> None:
    kept = Approved.model_validate({"id": "router-r6-reset", "version": 2, "entry": None})
    state = approve(kept, NOW, event=of_router("zh", 3)).state
    assert set(Library(SHIPPED, [state]).entries["router-r6-reset"].texts) == {"zh"}


def test_IN_11_what_is_written_for_staff_is_given_to_no_customer() -> None:
    staff = {entry.id for entry in SHIPPED if any(text.audience == "staff" for text in entry.texts.values())}
    assert staff == STAFF_ONLY
    for entry in SHIPPED:
        for question in (text for wording in entry.texts.values() for text in (wording.title, *wording.questions)):
            found = LIBRARY.answer(question)
            assert found is None or found.entry.id not in STAFF_ONLY
    for question in ("重复扣款怎么办", "I was charged twice", "发票抬头错误怎么更正", "how do I correct an invoice"):
        asked = Asked(source="app", conversation="k1", text=question)
        told = decide_ask(None, NOW, asked=asked, known=Known(LIBRARY), rules=RULES).state.reply
        assert (told.source or {})["id"] in {"charged-twice", "invoice-correction"}
        assert not [word for word in ("客户", "告知", "流水", "Ask for", "Look up", "Tell the") if word in told.answer]


def test_IN_9_agents_are_shown_what_is_written_for_them() -> None:
    case = opened("同一个订单重复扣款了，请退款")
    suggested = LIBRARY.suggested(about(case), case.category, RULES.ask.suggest_from, case.facts)
    assert {"charged-twice", "charged-twice-handling"} <= {one.entry.id for one in suggested}
    assert LIBRARY.search("红冲", None, None, None)[0].entry.id == "invoice-correction-handling"


def test_IN_11_an_approved_text_is_for_customers_only_if_who_approves_it_says_so() -> None:
    told = approved().model_dump()
    del told["audience"]
    silent = approve(None, NOW, event=KnowledgeApproved.model_validate(told)).state
    assert Library([], [silent]).answer("电视有一条黑线怎么办") is None
    assert Library([], [approve(None, NOW, event=approved()).state]).answer("电视有一条黑线怎么办") is not None


def test_IN_11_the_steps_of_an_entry_that_was_taken_from_customers_go_on_with_a_person() -> None:
    talk = said("路由器R6怎么重置")
    more = {"audience": "staff", "steps": [{"do": "重启", "expect": "恢复"}] * 4}
    staff = Library(SHIPPED, [after(of_router("zh", 3, **more), of_router("en", 4, **more))])
    asked = Asked(source="app", conversation="k1", text="还是不行")
    assert decide_ask(talk, NOW, asked=asked, known=Known(LIBRARY), rules=RULES).state.reply.step == 2
    assert decide_ask(talk, NOW, asked=asked, known=Known(staff), rules=RULES).state.reply.why == "steps_ended"


def test_IN_11_a_customer_is_not_given_another_languages_text_that_is_for_staff() -> None:
    both = after(of_router("zh", 3), of_router("en", 4, audience="staff"))
    asked = Asked(source="app", conversation="k1", text="重置 R6 路由器", language="en")
    reply = decide_ask(None, NOW, asked=asked, known=Known(Library([], [both])), rules=RULES).state.reply
    assert (reply.source or {})["language"] == "zh"


@pytest.mark.parametrize(
    ("text", "facts", "shown"),
    [
        (f"路由器TX3500{RESET}", {}, False),
        (f"路由器AX9000{RESET}", {}, False),
        (f"路由器R6{RESET}", {}, True),
        (RESET, {}, True),
        (f"路由器R6{RESET}", {"firmware": "1.1"}, False),
        (f"路由器R6{RESET}", {"firmware": "1.2"}, True),
        (f"路由器R6{RESET}", {"firmware": "1.10"}, True),
    ],
)
def test_IN_9_FB_22_steps_of_another_model_or_for_a_newer_firmware_are_not_suggested(
    text: str, facts: dict[str, str], shown: bool
) -> None:
    case = opened(text)
    found = LIBRARY.suggested(about(case), case.category, RULES.ask.suggest_from, case.facts | facts)
    assert ("router-r6-reset" in {one.entry.id for one in found}) == shown


@pytest.mark.parametrize(
    ("stated", "entry", "is_older"),
    [
        ("1.1", "1.2 and later", True),
        ("1.2", "1.2 and later", False),
        ("2.0", "v1.2", False),
        ("V1.9.9", "2.0+", True),
        ("1.10", "1.9", False),
        ("1.0", "1.2 起", True),
        ("1.0", "1.2及以上", True),
        ("1.0", "", False),
        ("", "1.2", False),
        ("1.0", "all but 1.2", False),
        ("1.0", "1.2 and earlier", False),
    ],
)
def test_FB_22_a_firmware_is_compared_by_its_numbers_where_both_say_one(
    stated: str, entry: str, is_older: bool
) -> None:
    assert older(stated, entry) is is_older
