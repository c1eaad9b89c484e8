"""What was learned from examples, and how it and the keywords come to one reading (IN-5, IN-12)."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from services.intake.domain.learned import Model
from services.intake.domain.ngrams import READ_CHARS, ngrams
from services.intake.domain.rules import Rules
from services.intake.domain.understand import understand
from shared.events.cases import CaseOpened, CaseReclassified
from tests.unit.intake.given import arrive, contact, did
from tests.unit.intake.taught import DELIVERY, HARDWARE, SOFTWARE, feelings, model, rules, shipped, understanding

KEYWORDS = "refund my grinder, it stalls"
"""The keywords say refund, the model says grinder."""
UNKNOWN = "wie geht es dem Kaffee"


@pytest.fixture(scope="module")
def taught() -> Rules:
    return rules(category_model=model().arrays())


def about(text: str, known: Rules) -> Any:
    return understand(contact(text), known).classification


def path(label: str) -> tuple[str, ...]:
    return tuple(label.split(" / "))


def broken(**arrays: Any) -> dict[str, Any]:
    return {**model().arrays(), **arrays}


class TestTheModel:
    def test_IN_5_it_knows_what_was_said_in_other_words_of_the_same_trade(self) -> None:
        for text, label in (("grinder stalls", HARDWARE), ("profile resets", SOFTWARE), ("box skipped", DELIVERY)):
            assert model().read(text) is not None
            assert model().read(text).label == label  # type: ignore[union-attr]

    def test_it_is_the_surer_the_more_of_the_text_it_knows(self) -> None:
        known, mostly, hardly = (model().read(text) for text in ("grinder stalls", "grinder is dirty", UNKNOWN))
        assert known
        assert mostly
        assert known.confidence > mostly.confidence > (hardly.confidence if hardly else 0)

    def test_strange_words_beside_known_ones_make_it_less_sure(self) -> None:
        known, strange = model().read("grinder stalls"), model().read("grinder stalls qwxzv jkpqv zzqkx")
        assert known
        assert strange
        assert known.label == strange.label
        assert known.confidence > strange.confidence

    def test_it_says_nothing_of_a_language_it_never_saw(self) -> None:
        assert model().read("研磨机坏了") is None
        assert model().read("") is None

    def test_confidences_are_chances_of_all_labels_together(self) -> None:
        read = model().read("steam wand and menu and doorstep")
        assert read is not None
        assert 1 / len(model().labels) <= read.confidence <= 1

    def test_a_file_holds_the_whole_model(self) -> None:
        again = Model.of(model().arrays())
        assert again.version == model().version
        assert again.read("steam wand drips") == model().read("steam wand drips")

    def test_a_long_text_is_read_at_its_beginning(self) -> None:
        words, pieces = ngrams("word " * READ_CHARS)
        assert len(words) < READ_CHARS
        assert len(pieces) < 10 * READ_CHARS


class TestABrokenFile:
    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            ({"format": np.array(2)}, "format 2 is not known here"),
            ({"bias": np.zeros(3, dtype=np.float32)}, "the digest differs"),
            ({"weights": np.array([["a"]])}, "the digest differs"),
        ],
    )
    def test_IN_5_what_was_changed_or_is_newer_is_refused_with_what_to_do(self, change: Any, complaint: str) -> None:
        with pytest.raises(ValueError, match=complaint):
            Model.of(broken(**change))

    def test_a_file_of_something_else_is_refused(self) -> None:
        with pytest.raises(ValueError, match="not a model that `switchboard learn` wrote"):
            Model.of({"x": np.zeros(3)})

    def test_a_part_that_is_missing_is_named(self) -> None:
        arrays = model().arrays()
        del arrays["idf"]
        with pytest.raises(ValueError, match="missing: idf"):
            Model.of(arrays)

    def test_numbers_that_are_none_are_refused(self) -> None:
        spoilt = replace(model(), bias=np.full(3, np.nan, dtype=np.float32))
        with pytest.raises(ValueError, match="not finite"):
            Model.of(spoilt.arrays())

    def test_IN_5_a_category_that_is_not_in_the_tree_is_named(self) -> None:
        tree: Any = rules().categories.model_dump(mode="json")
        tree["categories"] = [top for top in tree["categories"] if top["name"] != "物流查询"]
        with pytest.raises(ValueError, match=r"category_model: 物流查询 / 物流进度 is not in categories"):
            rules(
                categories=tree, category_model=model().arrays(), lifecycle=_without_logistics(),
                ask={**shipped()["ask"], "order_categories": []},
            )  # fmt: skip

    def test_IN_12_a_model_of_categories_is_no_model_of_feelings(self) -> None:
        with pytest.raises(ValueError, match="not negative and positive"):
            rules(sentiment_model=model().arrays())


class TestKeywordsAndModel:
    def test_IN_5_where_only_the_model_speaks_it_decides(self, taught: Rules) -> None:
        said = about("steam wand drips", taught)
        assert said.category == path(HARDWARE)
        assert said.confidence == said.by_model.confidence >= 0.6
        assert (said.review, said.disagree) == (None, False)

    def test_IN_5_where_both_speak_the_keywords_win_and_the_difference_is_kept(self, taught: Rules) -> None:
        said = about(KEYWORDS, taught)
        assert said.category[:2] == ("支付问题", "退款异常")
        assert said.by_model.category == path(HARDWARE)
        assert said.disagree

    def test_IN_5_the_operator_may_let_the_model_win(self) -> None:
        known = rules(category_model=model().arrays(), understanding=understanding(winner="model"))
        said = about(KEYWORDS, known)
        assert said.category == path(HARDWARE)
        assert said.disagree

    def test_IN_5_a_category_below_the_other_is_no_difference(self, taught: Rules) -> None:
        said = about("the grinder stalls and the 屏幕碎了", taught)
        assert said.category[:2] == path(HARDWARE)
        assert not said.disagree

    def test_IN_5_the_model_wins_for_a_category_that_no_keyword_can_find(self) -> None:
        tree: Any = rules().categories.model_dump(mode="json")
        for top in tree["categories"]:
            if top["name"] == "技术故障":
                hardware = next(node for node in top["children"] if node["name"] == "硬件故障")
                hardware["keywords"], hardware["children"] = [], []
        said = about(KEYWORDS, rules(categories=tree, category_model=model().arrays()))
        assert said.category == path(HARDWARE)

    def test_RT_2_under_its_confidence_the_model_guesses_nothing_and_a_person_looks(self, taught: Rules) -> None:
        said = about(UNKNOWN, taught)
        assert said.category == taught.categories.fallback
        assert (said.certain, said.review) == (False, "uncertain_category")

    def test_RT_2_where_nothing_was_learned_a_person_looks_only_if_the_operator_wants_it(self) -> None:
        assert about(UNKNOWN, rules()).review is None
        wanted = rules(understanding=understanding(review_without_model=True))
        assert about(UNKNOWN, wanted).review == "uncertain_category"

    def test_a_decision_names_the_version_of_the_model(self, taught: Rules) -> None:
        assert taught.version.split(",")[-1] == model().version
        assert about("steam wand drips", taught).by_model.version == model().version


class TestOnTheCase:
    def test_RT_2_the_case_and_its_event_say_that_a_person_must_look(self, taught: Rules) -> None:
        decision = arrive(None, contact(UNKNOWN), rules=taught)
        opened = decision.events[0]
        assert isinstance(opened, CaseOpened)
        assert decision.state.review == opened.review == "uncertain_category"

    def test_IN_5_the_case_keeps_what_the_model_said_and_that_it_differs(self, taught: Rules) -> None:
        decision = arrive(None, contact(KEYWORDS), rules=taught)
        opened = decision.events[0]
        assert isinstance(opened, CaseOpened)
        assert opened.category_by_model == decision.state.category_by_model
        assert opened.category_by_model is not None
        assert opened.category_by_model.category == path(HARDWARE)
        assert "classifiers_disagree" in opened.flags

    def test_RT_2_what_the_customer_says_next_may_end_the_review(self, taught: Rules) -> None:
        case = arrive(None, contact(UNKNOWN), rules=taught).state
        decision = arrive(case, contact("the grinder stalls", id="c2"), rules=taught)
        changed = next(event for event in decision.events if isinstance(event, CaseReclassified))
        assert (changed.to, changed.review) == (path(HARDWARE), None)
        assert decision.state.review is None

    def test_RT_2_a_person_who_says_what_it_is_about_ends_the_review(self, taught: Rules) -> None:
        case = arrive(None, contact(UNKNOWN), rules=taught).state
        decision = did(case, "reclassified", category=list(path(HARDWARE)))
        assert decision.state.review is None
        assert [event.review for event in decision.events if isinstance(event, CaseReclassified)] == [None]


class TestFeelings:
    def test_IN_12_words_and_model_make_the_score_together(self) -> None:
        read = understand(contact("好吃但踩雷"), rules(sentiment_model=feelings().arrays())).sentiment
        assert read.words is not None
        assert read.model is not None
        assert read.model < 0 < read.words
        assert read.score == pytest.approx((read.words + read.model) / 2, abs=0.001)

    def test_IN_12_without_a_model_the_words_decide_alone(self) -> None:
        read = understand(contact("好吃但踩雷"), rules()).sentiment
        assert read.score > 0
        assert (read.words, read.model) == (None, None)

    def test_IN_12_a_text_that_says_nothing_to_the_model_is_left_to_the_words(self) -> None:
        read = understand(contact("this is terrible"), rules(sentiment_model=feelings().arrays())).sentiment
        assert read.score < 0
        assert read.model is None


def _without_logistics() -> Any:
    told: Any = rules().lifecycle.model_dump(mode="json")
    told["facts_needed"] = [need for need in told["facts_needed"] if need["category"][0] != "物流查询"]
    return told
