"""An operator's own files load beside the shipped ones, also those written for the version before (PF-4)."""

from pathlib import Path
from typing import Any

import yaml

from deploy.local.paths import ROOT
from services.intake.domain.rules import Rules
from shared.rules import load
from tests.unit.intake.given import RULES

SHIPPED = ROOT / "services/intake/rules"


def shipped(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((SHIPPED / name).read_text(encoding="utf-8")))


def loaded_with(directory: Path, name: str, document: dict[str, Any]) -> Rules:
    (directory / "intake").mkdir()
    (directory / "intake" / name).write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return load("intake", Rules.parse, directory)


def test_PF_4_bursts_of_the_version_before_load_with_the_shipped_flood(tmp_path: Path) -> None:
    old = shipped("bursts.yaml")
    del old["without_words"]
    assert loaded_with(tmp_path, "bursts.yaml", old).bursts == RULES.bursts


def test_PF_4_a_tree_without_what_is_no_topic_loads(tmp_path: Path) -> None:
    own = shipped("categories.yaml")
    own["categories"] = [top for top in own["categories"] if top["name"] != "投诉建议"]
    rules = loaded_with(tmp_path, "categories.yaml", own)
    assert rules.joining.no_topics == RULES.joining.no_topics
    assert "投诉建议" not in {leaf.path[0] for leaf in rules.categories.leaves}
