"""What intake can be told by its environment is named where an operator looks for it."""

import re
from pathlib import Path

import pytest
import yaml

from services.intake.settings import Settings
from shared.settings import PREFIX
from shared.settings import Settings as Common

ROOT = Path(__file__).parents[3]
OWN = {name.upper() for name in Settings.model_fields.keys() - Common.model_fields.keys()}


@pytest.mark.parametrize(("page", "heading"), [("README.md", "Settings"), ("README.zh.md", "设置")])
def test_both_readmes_name_every_setting_that_only_intake_has(page: str, heading: str) -> None:
    section = (ROOT / page).read_text("utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    assert {"WEBHOOKS", "LOOKUP"} <= OWN <= set(re.findall(r"`([A-Z_]+)`", section))


def test_in_compose_each_of_them_can_be_given_and_files_of_the_customer_system_are_mounted() -> None:
    intake = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]["intake"]
    assert {f"{PREFIX}{name}" for name in OWN} <= intake["environment"].keys()
    assert "${LOOKUP_FILES:-/dev/null}:/etc/switchboard/lookup:ro" in intake["volumes"]
    assert "LOOKUP_FILES=./crm SWITCHBOARD_LOOKUP=/etc/switchboard/lookup" in (ROOT / "docs/record.md").read_text(
        "utf-8"
    )
