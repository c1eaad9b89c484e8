"""What an operator may write into `facts.yaml` (IN-8, PF-4)."""

import time
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from deploy.local.paths import ROOT
from services.intake.domain.facts import extracted_facts
from services.intake.domain.rules_facts import GIVEN, FactsFile
from tests.unit.intake.given import RULES


def facts_file(**further: list[str]) -> FactsFile:
    known: dict[str, Any] = {name: {"zh": name, "en": name, "patterns": ["(x9)"]} for name in GIVEN}
    added = {name: {"zh": name, "en": name, "patterns": patterns} for name, patterns in further.items()}
    return FactsFile.model_validate({"version": "1", "facts": known | added})


def found(text: str, **further: list[str]) -> dict[str, str]:
    return extracted_facts(text, facts_file(**further).compiled(("router",)))


def test_PF_4_IN_8_an_operator_adds_a_fact() -> None:
    assert found("my IMEI is 356938035643809", imei=[r"\bimei\D{0,5}(\d{15})\b"]) == {"imei": "356938035643809"}
    assert found("router AX-3000 is dead", line=[r"<devices>\s*(ax-\d+)"]) == {"line": "AX-3000"}


@pytest.mark.parametrize(
    ("text", "value"), [("固件版本2.1.7升级失败", "2.1.7"), ("firmware v3.0.12 crashes", "3.0.12")]
)
def test_PF_4_IN_8_the_example_of_a_fact_of_ones_own_works_once_its_signs_of_a_comment_are_taken_away(
    text: str, value: str
) -> None:
    shipped = (ROOT / "services/intake/rules/facts.yaml").read_text(encoding="utf-8")
    written = FactsFile.model_validate(yaml.safe_load(shipped.replace("\n#   ", "\n  ")))
    assert set(written.facts) == {*GIVEN, "firmware"}
    assert extracted_facts(text, written.compiled(("router",))) == {"firmware": value}


def test_IN_8_the_shipped_facts_are_those_that_the_release_before_can_read() -> None:
    assert set(RULES.facts.facts) == set(GIVEN)


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        (r"(?=a)(b)", "look-around"),
        (r"(a)\1", "look-around"),
        (r"(((a{100}){100}){100})", "look-around"),
        (r"(a", "missing"),
        (r"a\d+", "needs a group"),
        (r"<colour>(\d)", "no part <colour>"),
    ],
)
def test_PF_4_a_pattern_that_could_explode_or_finds_no_value_is_refused_when_it_is_read(
    pattern: str, says: str
) -> None:
    with pytest.raises(ValidationError, match=says) as refused:
        facts_file(colour=[pattern])
    assert "colour" in str(refused.value)


def test_IN_8_the_facts_that_a_channel_may_state_must_be_known() -> None:
    with pytest.raises(ValidationError, match="serial"):
        FactsFile.model_validate({"version": "1", "facts": {"order": {"zh": "a", "en": "a", "patterns": ["(x)"]}}})


def test_IN_8_even_a_pattern_that_a_backtracking_engine_can_not_bear_is_quick() -> None:
    evil = {"evil": [r"((?:[a-z0-9]+)+)!"]}
    began = time.process_time()
    assert found("a1" * 4000, **evil) == {}
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("订单2026-11-21下的，订单号 88371625", {"order": "88371625"}),
        ("订单 A1，订单号 A20261121-553", {"order": "A20261121-553"}),
    ],
)
def test_IN_8_what_is_no_value_does_not_hide_the_next_one(text: str, facts: dict[str, str]) -> None:
    assert extracted_facts(text, RULES.fact_patterns) == facts
