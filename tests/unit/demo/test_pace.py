from pathlib import Path

import pytest
import yaml

from demo.pace import FAST_RULES, hour_of, rules_for


@pytest.mark.parametrize("contacts", [0, 1, 268, 300])
def test_with_a_minutes_worth_of_contacts_an_hour_lasts_a_second(tmp_path: Path, contacts: int) -> None:
    rules = rules_for(contacts, tmp_path)
    assert (rules, hour_of(str(rules))) == (FAST_RULES, 1.0)


def test_with_more_contacts_every_time_of_the_rules_is_longer_alike(tmp_path: Path) -> None:
    rules = rules_for(2_500, tmp_path)
    assert hour_of(str(rules)) == 9.0
    fast, slow = (yaml.safe_load((r / "sla/policies.yaml").read_text("utf-8")) for r in (FAST_RULES, rules))
    assert fast["policies"][1]["targets"]["P3"]["resolution"] == "72s"
    assert slow["policies"][1]["targets"]["P3"]["resolution"] == "648s"
    assert (slow["inactivity"], slow["version"]) == ("432s", "demo-9s")
    assert {f.relative_to(rules) for f in rules.rglob("*.yaml")} == {
        f.relative_to(FAST_RULES) for f in FAST_RULES.rglob("*.yaml")
    }


@pytest.mark.parametrize("rules", [None, "", "/etc/switchboard/rules"])
def test_with_ones_own_rules_an_hour_is_an_hour(rules: str | None) -> None:
    assert hour_of(rules) == 3600.0
