import pytest

from services.intake.domain.archive import Help, archived
from services.intake.domain.auto_close import fire
from services.intake.domain.case import Case
from services.intake.domain.findable import about, findable, paths
from services.intake.domain.similar import Frequencies, alike, helps, shown
from services.intake.domain.tokens import tokens, words
from shared.decisions import Decision
from shared.events.cases import CaseClosed, SimilarCase, Suggestion
from tests.unit.intake.given import HOUR, NOW, did, opened

TEXTS = {
    "twice": "昨天支付了两次，请尽快退款",
    "twice too": "同一个订单支付了两次，要求退款",
    "late": "快递三天没有更新，包裹在哪里",
    "tv": "电视屏幕有一条黑线，请派人来修",
    "english": "my card was charged twice for one order",
    "english too": "I was charged twice, please refund one of them",
}
WORDS = {name: words(tokens(text)) for name, text in TEXTS.items()}
COMMON = Frequencies.counted(WORDS.values())


def test_IN_9_who_said_much_the_same_is_most_alike_in_both_languages() -> None:
    for name, other in (("twice", "twice too"), ("english", "english too")):
        candidates = [(id_, said) for id_, said in WORDS.items() if id_ != name]
        assert alike(WORDS[name], candidates, COMMON)[0][0] == other


def test_IN_9_what_shares_nothing_is_not_alike() -> None:
    assert alike(WORDS["late"], [("tv", WORDS["tv"])], COMMON) == []


def test_IN_9_the_same_words_are_wholly_alike_and_a_rare_word_says_more_than_a_common_one() -> None:
    assert alike(WORDS["late"], [("late", WORDS["late"])], COMMON) == [("late", 1.0)]
    texts = [*({"退款", f"word{n}"} for n in range(98)), {"黑线"}, {"黑线"}]
    common = Frequencies.counted(texts)
    assert common.weight("黑线") > common.weight("退款") > 0
    assert common.rarest({"退款", "黑线"}) == ["黑线"]
    assert common.rarest({"退款"}) == ["退款"], "where no word is rare the rarest has to do"
    assert common.rarest({f"word{n}" for n in range(20)}) == sorted(f"word{n}" for n in range(20))[:5]


def solved(**fields: str) -> Case:
    return did(
        opened("电视屏幕有一条黑线").changed(status="in_progress"), "resolved", result="换了屏幕", **fields
    ).state


def test_IN_9_only_a_case_that_says_what_helped_may_help_others() -> None:
    assert helps(solved())
    assert not helps(opened("电视屏幕有一条黑线"))
    assert not helps(solved().changed(resolution=None))
    assert not helps(solved().changed(merged_into="x"))


def test_IN_9_a_similar_case_shows_what_helped_and_nothing_of_who_it_was() -> None:
    case = solved(cause="硬件").changed(cause="hardware")
    told = shown(case, 0.5)
    assert (told.number, told.score, told.resolution, told.cause) == (case.number, 0.5, "换了屏幕", "hardware")
    assert "13800138000" not in told.model_dump_json()


def test_the_index_holds_all_words_of_a_case_and_what_lists_are_filtered_by() -> None:
    case = solved().changed(facts={"order": "A20261121-553"})
    body = findable(case, 7, ["客户后来说：遥控器也坏了"])
    assert {"黑线", "屏幕", "遥控", "#a20261121553", "换了"} <= set(body["words"])
    assert (body["_id"], body["v"], body["status"], body["helps"]) == (case.case_id, 7, "resolved", True)
    assert paths(("支付问题", "退款异常")) == ["支付问题", "支付问题 / 退款异常"]
    assert "换了" not in about(case), "it is compared by what its customer said"


FOUND = Help(
    (SimilarCase(case_id="c", number="7KQ4-M2XD", score=0.6),),
    (Suggestion(id="k", version=2, kind="solution", language="zh", title="t", scenario="s", score=0.7),),
)


def closing(decision: Decision[Case]) -> CaseClosed:
    (event,) = [event for event in decision.events if isinstance(event, CaseClosed)]
    return event


def test_IN_20_whoever_closes_a_case_archives_what_was_similar_and_what_helps() -> None:
    in_work = opened("电视屏幕有一条黑线").changed(status="in_progress")
    by_agent = archived(in_work, NOW, decide=lambda s, n: did(s, "closed", n, result="换了屏幕"), found=FOUND)
    by_timer = archived(solved(), NOW + 100 * HOUR, decide=fire, found=FOUND)
    for decision in (by_agent, by_timer):
        assert (closing(decision).similar, closing(decision).suggestions) == (FOUND.similar, FOUND.suggestions)
        assert (decision.state.similar, decision.state.suggestions) == (FOUND.similar, FOUND.suggestions)


@pytest.mark.parametrize("verb", ["noted", "resolved"])
def test_IN_20_what_closes_nothing_archives_nothing(verb: str) -> None:
    case = opened("电视屏幕有一条黑线").changed(status="in_progress")
    decision = archived(case, NOW, decide=lambda s, n: did(s, verb, n, text="x", result="换了屏幕"), found=FOUND)
    assert decision.state.similar == ()
