"""`switchboard learn` and `switchboard evaluate`, as an operator types them (IN-5, IN-12)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.doors import Door
from cli.examples import of_cases
from cli.main import app
from services.intake.domain.rules import Rules
from services.intake.tree import meaning, tree
from shared.rules import Rules as Live
from shared.rules import check, load
from tests.unit.intake.taught import EXAMPLES, FEELINGS, HARDWARE

MEANT = meaning(tree(None), "Coffee")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def csv(file: Path, rows: Iterable[tuple[str, str]], header: str = "text,category") -> Path:
    file.write_text("\n".join([header, *(f'"{text}",{label}' for text, label in rows)]), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rule directory that learned from the coffee shop's examples, a third of them under labels of its own."""
    directory = tmp_path_factory.mktemp("rules")
    own = [(text, "broken_grinder" if label == HARDWARE else label) for text, label in EXAMPLES]
    assert run("learn", csv(directory / "examples.csv", own), "--into", directory / "rules").exit_code == 0
    return directory / "rules"


def loaded(directory: Path) -> Rules:
    return load("intake", Rules.parse, directory)


def test_IN_5_what_is_learned_is_a_rule_directory_that_can_be_used(learned: Path) -> None:
    assert check(learned) == []
    assert loaded(learned).category_model is not None


def test_IN_5_a_label_that_is_not_in_the_tree_is_added_to_it(learned: Path) -> None:
    assert loaded(learned).categories.resolve(("学到的类别", "broken_grinder")) is not None


def test_IN_5_it_says_how_it_did_on_examples_held_out(tmp_path: Path) -> None:
    told = run("learn", csv(tmp_path / "e.csv", EXAMPLES), "--into", tmp_path / "rules", "--json")
    said = json.loads(told.stdout)
    assert (said["examples"], said["labels"], said["added"]) == (len(EXAMPLES), 3, [])
    assert said["held_out"]["accuracy"] > 0.9


def test_IN_5_the_same_examples_learned_again_change_nothing(learned: Path, tmp_path: Path) -> None:
    before = loaded(learned).version
    again = csv(
        tmp_path / "e.csv", [(text, "broken_grinder" if label == HARDWARE else label) for text, label in EXAMPLES]
    )
    assert run("learn", again, "--into", learned).exit_code == 0
    assert loaded(learned).version == before


def test_IN_5_evaluate_counts_model_keywords_and_case(learned: Path, tmp_path: Path) -> None:
    examples = csv(tmp_path / "e.csv", [("steam wand drips", "broken_grinder"), ("doorstep box absent", "物流进度")])
    said = json.loads(run("evaluate", examples, "--rules", learned, "--json").stdout)
    assert (said["of"], said["accuracy"], said["examples"]) == ("model", 1.0, 2)
    assert set(said["by"]) == {"model", "keywords", "case"}
    shown = run("evaluate", examples, "--rules", learned).stdout
    assert "accuracy" in shown
    assert "broken_grinder" in shown


def test_IN_12_feelings_are_learned_and_evaluated(tmp_path: Path) -> None:
    rows = [(text, "1" if label == "positive" else "0") for text, label in FEELINGS]
    reviews = csv(tmp_path / "reviews.csv", rows, "review,label")
    assert run("learn", reviews, "--sentiment", "--into", tmp_path / "rules").exit_code == 0
    said = json.loads(run("evaluate", reviews, "--sentiment", "--rules", tmp_path / "rules", "--json").stdout)
    assert said["accuracy"] > said["by"]["words"]["accuracy"]


def test_rows_that_are_no_examples_are_named_and_do_not_stop_the_others(tmp_path: Path) -> None:
    rows = [*EXAMPLES, ("", HARDWARE), ("no label", ""), ("a typing error", "技术故障 / 硬件古障")]
    told = run("learn", csv(tmp_path / "e.csv", rows), "--into", tmp_path / "rules")
    first = len(EXAMPLES) + 2
    assert told.exit_code == 0
    assert f"e.csv:{first}: the text is empty" in told.stderr
    assert f"e.csv:{first + 1}: the label is empty" in told.stderr
    assert f"e.csv:{first + 2}: 技术故障 / 硬件古障 is not in the tree; possible there: " in told.stderr


def test_a_label_with_too_few_examples_is_named_and_left_out(tmp_path: Path) -> None:
    told = run("learn", csv(tmp_path / "e.csv", [*EXAMPLES, ("x", "rare")]), "--into", tmp_path / "rules")
    assert told.exit_code == 0
    assert "left out: 学到的类别 / rare, 1 examples of at least 5" in told.stderr
    assert loaded(tmp_path / "rules").categories.resolve(("学到的类别", "rare")) is None


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "no column is called as a text"),
        ("text,category\n", "no labelled example"),
        ("text,colour\nhello,red\n", "no column is called as a label"),
        ("text,category\nhello,退款异常\n", "two labels with 5 examples or more are needed; 0 were found"),
        ("text,category\nhello,\n", "e.csv:2: the label is empty"),
        (b"text,category\n\xff\xfe,x\n", "not UTF-8"),
    ],
)
def test_a_file_without_examples_is_refused_and_nothing_is_written(
    content: str | bytes, complaint: str, tmp_path: Path
) -> None:
    file = tmp_path / "e.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    told = run("learn", file, "--into", tmp_path / "rules")
    assert told.exit_code == 1
    assert complaint in told.stderr
    assert not (tmp_path / "rules").exists()


def test_labels_of_feelings_are_good_or_bad(tmp_path: Path) -> None:
    told = run("evaluate", csv(tmp_path / "e.csv", [("fine", "so-so")]), "--sentiment")
    assert told.exit_code == 1
    assert "'so-so' is neither good" in told.stderr


def test_nothing_to_learn_from_is_said(tmp_path: Path) -> None:
    told = run("learn", "--into", tmp_path)
    assert told.exit_code == 1
    assert "--from-cases" in told.stderr


class TestARunningService:
    def test_IN_5_it_takes_what_was_learned(self, learned: Path) -> None:
        assert Live("intake", Rules.parse, learned)().category_model is not None

    def test_IN_5_it_keeps_what_it_has_when_the_file_is_broken_and_says_why(
        self, learned: Path, tmp_path: Path
    ) -> None:
        directory = copied(learned, tmp_path)
        live = Live("intake", Rules.parse, directory)
        before = live().version
        file = directory / "intake" / "category_model.npz"
        file.write_bytes(file.read_bytes()[:-100])
        live.refresh()
        assert live().version == before
        assert "category_model.npz:1: no arrays can be read from it" in live.refused[0]

    def test_no_object_is_ever_built_from_a_file(self, learned: Path, tmp_path: Path) -> None:
        import numpy as np

        directory = copied(learned, tmp_path)
        objects: Any = np.array([{"an": "object"}], dtype=object)
        np.savez(directory / "intake" / "category_model.npz", format=objects)
        assert any("no arrays can be read from it" in problem for problem in check(directory))


def copied(learned: Path, to: Path) -> Path:
    (to / "intake").mkdir()
    for file in (learned / "intake").iterdir():
        (to / "intake" / file.name).write_bytes(file.read_bytes())
    return to


class Cases:
    """What persons decided, as intake's door says it."""

    def __init__(self, *decided: tuple[str, list[str]]) -> None:
        self.services = [Door("intake", "http://intake")]
        self._decided = decided

    def all(self, door: Door, path: str) -> Iterator[dict[str, Any]]:
        assert (door.service, path) == ("intake", "/v1/examples")
        for text, category in self._decided:
            yield {"number": "7KQ4-M2XD", "text": text, "category": category}


class TestFromCases:
    def test_IN_5_what_persons_decided_becomes_examples(self) -> None:
        told, problems = of_cases(Cases(("steam wand drips", ["技术故障", "硬件故障"])), MEANT)
        assert told == [("steam wand drips", HARDWARE)]
        assert problems == []

    def test_IN_5_a_category_that_left_the_tree_is_told_by_the_case(self) -> None:
        told, problems = of_cases(Cases(("x", ["技术故障", "旧类别"]), ("y", ["技术故障", "硬件故障"])), MEANT)
        assert [example.text for example in told] == ["y"]
        assert problems[0].startswith("case 7KQ4-M2XD: 技术故障 / 旧类别 is not in the tree")


def test_IN_5_a_first_level_of_the_tree_is_no_new_label(tmp_path: Path) -> None:
    rows = [*EXAMPLES, *((f"charged twice {n}", "Payments") for n in range(6))]
    told = run("learn", csv(tmp_path / "e.csv", rows), "--into", tmp_path / "rules")
    assert told.exit_code == 0
    assert "Payments is a first level of the tree; say which below it:" in told.stderr
    assert "added to categories.yaml" not in told.stdout


def test_IN_12_feelings_are_learned_from_their_column_in_a_file_that_holds_categories_too(tmp_path: Path) -> None:
    rows = [(text, f"Payments / Refunds,{label}") for text, label in FEELINGS]
    file = csv(tmp_path / "both.csv", rows, header="text,category,sentiment")
    assert run("learn", file, "--into", tmp_path / "rules", "--sentiment").exit_code == 0
