"""What a deployment may tell intake beside the rest: the customer system, and the secrets of webhooks."""

from __future__ import annotations

import re
from typing import Any

import yaml

from deploy.local.paths import ROOT
from services.intake.settings import Settings
from tests.deploy.manifests import K8S, containers_of, name_of, of_kind, rendered

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_in_production_only_intake_knows_the_customer_system_and_the_webhooks_and_starts_without_them() -> None:
    containers = containers_of(rendered("production"))
    told = {name: str(container.spec["envFrom"]) for name, container in containers.items()}
    own = [source for source in containers["switchboard-intake"].spec["envFrom"] if "switchboard-intake" in str(source)]
    secrets = dict(containers["switchboard-intake"].mounts())["/etc/switchboard/webhooks"]["secret"]

    assert [name for name, said in told.items() if "switchboard-intake" in said] == ["switchboard-intake"]
    assert [name for name, one in containers.items() if "webhooks" in str(one.pod["volumes"])] == ["switchboard-intake"]
    assert [source[kind]["optional"] for source in own for kind in source] == [True, True]
    assert secrets == {"secretName": "switchboard-webhooks", "optional": True, "defaultMode": 0o440}


def test_in_production_only_intake_may_reach_the_customer_system() -> None:
    policies = {name_of(one): one["spec"] for one in of_kind(rendered("production"), "NetworkPolicy")}

    assert policies["switchboard-lookup"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "intake"
    assert [name for name, spec in policies.items() if 443 in _ports_out(spec)] == ["switchboard-lookup"]


def _ports_out(spec: Any) -> list[Any]:
    return [port["port"] for rule in spec["egress"] for port in rule["ports"]]


def test_what_the_readme_says_of_the_customer_system_and_webhooks_are_settings_of_intake() -> None:
    named = set(re.findall(r"\bSWITCHBOARD_((?:LOOKUP|WEBHOOKS)\w*)", (K8S / "README.md").read_text()))

    assert named == {"LOOKUP", "LOOKUP_KEY", "WEBHOOKS"}
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_compose_starts_intake_without_a_customer_system_and_with_no_webhook_let_in() -> None:
    intake = COMPOSE["services"]["intake"]

    assert intake["environment"]["SWITCHBOARD_LOOKUP"] == "${SWITCHBOARD_LOOKUP:-}"
    assert (
        f"${{SWITCHBOARD_WEBHOOKS:-/dev/null}}:{intake['environment']['SWITCHBOARD_WEBHOOKS']}:ro" in intake["volumes"]
    )
