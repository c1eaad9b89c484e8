"""Learning from labelled examples, and counting how well it went (IN-5, IN-12)."""

import json
import random
from pathlib import Path

import pytest

from services.intake import evaluation
from services.intake.domain.learned import Model
from services.intake.learning import LEAST, Example, learn
from services.intake.scoring import scores
from services.intake.tree import found, grown, meaning, tree
from shared.rules import RulesError
from tests.unit.intake.taught import DELIVERY, EXAMPLES, FEELINGS, HARDWARE, feelings, model, rules

CATEGORIES = rules().categories
_WORDS = [f"{one}{two}" for one in ("ba", "ke", "lo", "mi", "zu") for two in ("tan", "fir", "gos", "wem")]


class TestLearning:
    def test_IN_5_the_same_examples_make_the_same_model_in_any_order_and_however_often(self) -> None:
        again = learn([*reversed(EXAMPLES), *EXAMPLES[:5]])
        assert again.examples == len(EXAMPLES)
        assert again.model.version == model().version

    def test_other_examples_make_another_version(self) -> None:
        other = learn([*EXAMPLES, Example("the grinder smells", HARDWARE)])
        assert other.model.version != model().version

    def test_IN_5_it_is_tried_on_examples_that_it_had_not_learned_from(self) -> None:
        chance = random.Random(1)
        texts = (" ".join(chance.choices(_WORDS, k=4)) for _ in range(80))
        lesson = learn([Example(text, chance.choice("xy")) for text in texts])
        assert lesson.held_out.examples == lesson.examples
        assert lesson.held_out.accuracy < 0.7

    def test_IN_5_what_cannot_be_told_apart_is_never_said_for_sure(self) -> None:
        lesson = learn([Example(f"{number} coffee", label) for number in range(20) for label in "xy"])
        read = lesson.model.read("coffee")
        assert read is not None
        assert read.confidence < 0.6

    def test_IN_5_the_file_says_how_it_did_and_what_it_confuses(self) -> None:
        said = json.loads(model().figures)
        assert said["held_out"] == len(EXAMPLES)
        assert said["accuracy"] > 0.9
        assert [level["confidence"] for level in said["levels"]] == sorted(
            level["confidence"] for level in said["levels"]
        )

    def test_PF_1_a_model_holds_no_number_and_no_address_of_a_customer(self) -> None:
        said = [Example(f"{one.text} 13800138000 wang.fang@a.example A20261121-553", one.label) for one in EXAMPLES]
        learned = learn(said).model
        assert not [g for g in (*learned.words, *learned.pieces) if "138" in g or "2026" in g or "fang" in g]

    def test_a_label_with_too_few_examples_is_named(self) -> None:
        with pytest.raises(ValueError, match=f"{LEAST} examples .* fewer are there of rare"):
            learn([*EXAMPLES, Example("once seen", "rare")])

    def test_one_label_is_nothing_to_learn(self) -> None:
        with pytest.raises(ValueError, match="two labels or more"):
            learn([Example(f"text {number}", "only") for number in range(9)])

    def test_IN_12_feelings_are_learned_in_the_same_way(self) -> None:
        assert feelings().labels == ("negative", "positive")
        assert isinstance(feelings(), Model)


class TestTheTree:
    @pytest.mark.parametrize(
        "label", ["支付问题 / 退款异常", "Payments / Refunds", "支付问题/退款异常", "退款异常", "refunds"]
    )
    def test_IN_5_a_label_may_be_a_path_or_a_name_in_either_language(self, label: str) -> None:
        assert found(label, CATEGORIES) == "支付问题 / 退款异常"

    def test_IN_5_a_path_that_is_not_in_the_tree_is_answered_with_what_is(self) -> None:
        with pytest.raises(ValueError, match=r"not in the tree; possible there: .*退款异常"):
            found("支付问题 / 退宽异常", CATEGORIES)

    def test_IN_5_a_category_has_two_levels_at_least(self) -> None:
        for label in ("支付问题", "payments"):
            with pytest.raises(ValueError, match=r"first level of the tree; say which below it: .*退款异常"):
                found(label, CATEGORIES)

    def test_a_name_that_is_nowhere_becomes_a_second_level(self) -> None:
        assert meaning(CATEGORIES, "Coffee")("grind_size") == "Coffee / grind_size"
        assert meaning(CATEGORIES, "Payments")("grind_size") == "支付问题 / grind_size"

    def test_a_name_too_long_for_the_tree_is_refused(self) -> None:
        with pytest.raises(ValueError, match="longer than 60"):
            meaning(CATEGORIES, "Coffee")("x" * 61)

    @pytest.mark.parametrize("top", ["Coffee", "Payments"])
    def test_IN_5_the_tree_grows_in_its_file_and_the_rest_stays(self, top: str, tmp_path: Path) -> None:
        text = grown(None, top, ['grind "size"', "no"])
        put(tmp_path, text)
        again = tree(tmp_path)
        assert again.resolve((top, "no")) is not None
        assert again.resolve((top, 'grind "size"')) is not None
        assert len(again.leaves) == len(CATEGORIES.leaves) + 2
        assert text.startswith("# The tree of categories")

    def test_what_makes_no_tree_is_refused(self) -> None:
        with pytest.raises(RulesError, match="no tree"):
            grown(None, "Payments", ["same", "Same"])

    def test_a_tree_written_in_one_line_is_left_to_its_owner(self, tmp_path: Path) -> None:
        put(tmp_path, "version: '1'\nfallback: [a, b]\ncategories: [{name: a, en: A, children: [{name: b, en: B}]}]\n")
        with pytest.raises(RulesError, match="one entry a line"):
            grown(tmp_path, "Coffee", ["grind"])


class TestScoring:
    def test_accuracy_precision_and_recall_are_counted_per_class(self) -> None:
        counted = scores([("a", "a"), ("a", "b"), ("b", "b"), ("c", "")])
        assert (counted.accuracy, counted.spoken, counted.examples) == (0.5, 0.75, 4)
        by_label = {one.label: one for one in counted.classes}
        assert (by_label["a"].precision, by_label["a"].recall) == (1.0, 0.5)
        assert (by_label["b"].precision, by_label["b"].recall) == (0.5, 1.0)
        assert (by_label["c"].precision, by_label["c"].recall) == (None, 0.0)

    def test_the_worst_confusion_comes_first(self) -> None:
        counted = scores([("a", "b")] * 2 + [("b", "a")] + [("a", "a")])
        assert [(one.label, one.taken_for, one.count) for one in counted.confusions] == [("a", "b", 2), ("b", "a", 1)]

    def test_nothing_to_count_is_no_accuracy(self) -> None:
        with pytest.raises(ValueError, match="no example"):
            scores([])

    def test_IN_5_model_keywords_and_case_are_counted_apart(self) -> None:
        said = [Example("steam wand drips", HARDWARE), Example("refund my grinder, it stalls", HARDWARE)]
        counted = evaluation.categories(said, rules(category_model=model().arrays()))
        assert [(who, one.accuracy) for who, one in counted.items()] == [
            ("model", 1.0),
            ("keywords", 0.0),
            ("case", 0.5),
        ]

    def test_IN_5_a_category_below_the_label_counts_as_right(self) -> None:
        counted = evaluation.categories([Example("我被重复扣款了", "支付问题 / 退款异常")], rules())
        assert counted["case"].accuracy == 1.0

    def test_IN_5_without_a_model_there_is_nothing_to_say_of_one(self) -> None:
        assert list(evaluation.categories([Example("包裹到哪了", DELIVERY)], rules())) == ["keywords", "case"]

    def test_IN_12_a_text_of_no_feeling_counts_as_not_positive(self) -> None:
        counted = evaluation.feelings([Example("今天星期一", "negative"), Example("很好吃", "positive")], rules())
        assert counted["words"].accuracy == 1.0

    def test_IN_12_words_and_model_are_counted_apart(self) -> None:
        counted = evaluation.feelings(FEELINGS, rules(sentiment_model=feelings().arrays()))
        assert counted["model"].accuracy > counted["words"].accuracy


def put(directory: Path, text: str) -> None:
    (directory / "intake").mkdir()
    (directory / "intake" / "categories.yaml").write_text(text, encoding="utf-8")
