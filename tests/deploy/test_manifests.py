"""What the overlays send to a cluster; no cluster and no engine is needed to know it."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy.local.services import SERVICES
from services.notify import settings as notify
from shared.settings import Settings, load
from tests.deploy.manifests import (
    K8S,
    OVERLAYS,
    Container,
    Manifest,
    component_of,
    containers_of,
    name_of,
    of_kind,
    rendered,
    services_of,
)
from tests.rss import MOST_RSS_MIB

KUBERNETES = "1.32"
PER_SERVICE = ("Deployment", "Service", "ServiceAccount", "PodDisruptionBudget")
GIVEN = {
    "switchboard-addresses": {
        "SWITCHBOARD_KAFKA": "broker-1:9092,broker-2:9092,broker-3:9092",
        "SWITCHBOARD_KAFKA_SECURITY": "SASL_SSL",
        "SWITCHBOARD_KAFKA_CA": "/etc/switchboard/kafka/ca.crt",
        "SWITCHBOARD_PUBLIC_URL": "https://care.example.com",
    },
    "switchboard-stores": {
        "SWITCHBOARD_MONGO": "mongodb://db.example.com/?replicaSet=rs0",
        "SWITCHBOARD_KAFKA_USER": "switchboard",
        "SWITCHBOARD_KAFKA_PASSWORD": "secret",
    },
    "switchboard-smtp": {
        "SWITCHBOARD_SMTP_HOST": "smtp.example.com",
        "SWITCHBOARD_SMTP_FROM": "care@example.com",
        "SWITCHBOARD_SMTP_STAFF_DOMAIN": "staff.example.com",
    },
}
"""What deploy/k8s/README.md tells a team to make before."""


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest) -> tuple[Manifest, ...]:
    return rendered(request.param)


def configuration(manifests: tuple[Manifest, ...]) -> dict[str, dict[str, str]]:
    """What the overlay's own ConfigMaps hold, by name."""
    return {name_of(one): one["data"] for one in of_kind(manifests, "ConfigMap")}


def test_every_object_is_valid_to_the_letter(manifests: tuple[Manifest, ...]) -> None:
    for manifest in manifests:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_an_unknown_field_would_be_found() -> None:
    wrong = {**rendered("production")[0], "spek": {}}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES, strict=True)


@pytest.mark.parametrize("kind", PER_SERVICE)
def test_there_are_the_five_services_and_no_other(manifests: tuple[Manifest, ...], kind: str) -> None:
    ours = [one for one in of_kind(manifests, kind) if name_of(one).startswith("switchboard-")]

    assert Counter(map(component_of, ours)) == dict.fromkeys(SERVICES, 1)
    assert {name_of(one) for one in ours} == {f"switchboard-{name}" for name in SERVICES}


def test_each_service_has_the_port_it_has_everywhere(manifests: tuple[Manifest, ...]) -> None:
    doors = {
        component_of(one): one["spec"]["ports"] for one in of_kind(manifests, "Service") if "labels" in one["metadata"]
    }
    addresses = configuration(manifests)["switchboard-settings"]
    containers = containers_of(manifests)

    for name, port in SERVICES.items():
        assert containers[f"switchboard-{name}"].spec["ports"] == [{"name": "http", "containerPort": port}]
        assert doors[name] == [{"name": "http", "port": port, "targetPort": "http"}]
        assert addresses[f"{name.upper()}_URL"] == f"http://switchboard-{name}:{port}"


def test_selectors_budgets_and_spreads_mean_the_pods_of_one_service(manifests: tuple[Manifest, ...]) -> None:
    for name, deployment in services_of(manifests).items():
        wanted = {"app.kubernetes.io/name": "switchboard", "app.kubernetes.io/component": name}
        template = deployment["spec"]["template"]
        budget, door = (
            next(one for one in of_kind(manifests, kind) if name_of(one) == f"switchboard-{name}")
            for kind in ("PodDisruptionBudget", "Service")
        )
        assert template["metadata"]["labels"] == wanted
        assert deployment["spec"]["selector"]["matchLabels"] == wanted
        assert budget["spec"]["selector"]["matchLabels"] == wanted
        assert door["spec"]["selector"] == wanted
        assert template["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"] == wanted


def test_every_container_is_locked_down(manifests: tuple[Manifest, ...]) -> None:
    for name, container in containers_of(manifests).items():
        pod, own = container.pod["securityContext"], container.spec["securityContext"]
        assert pod["runAsNonRoot"] is True, name
        assert pod["runAsUser"] >= 999, name
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert own["allowPrivilegeEscalation"] is False, name
        assert own["capabilities"] == {"drop": ["ALL"]}, name
        assert container.pod["automountServiceAccountToken"] is False, name
        assert own.get("readOnlyRootFilesystem") is True or name == "kafka", name  # its image writes its settings


def test_every_container_says_what_it_needs_and_may_take(manifests: tuple[Manifest, ...]) -> None:
    for name, container in containers_of(manifests).items():
        resources = container.spec["resources"]
        assert set(resources["requests"]) == {"cpu", "memory"}, name
        assert "memory" in resources["limits"], name


def test_a_service_may_take_more_memory_than_it_is_seen_to_need(manifests: tuple[Manifest, ...]) -> None:
    for name, deployment in services_of(manifests).items():
        limit = Container(deployment).spec["resources"]["limits"]["memory"]
        assert int(limit.removesuffix("Mi")) > MOST_RSS_MIB, name


def test_every_container_that_stays_is_asked_whether_it_lives_and_may_be_sent_work(
    manifests: tuple[Manifest, ...],
) -> None:
    for name, container in containers_of(manifests).items():
        if container.workload["kind"] == "Job":
            continue
        probes = [container.spec["livenessProbe"], container.spec["readinessProbe"]]
        if container.ours:
            assert [probe["httpGet"] for probe in probes] == [
                {"path": path, "port": "http"} for path in ("/livez", "/readyz")
            ], name


def test_images_are_named_once_per_overlay(manifests: tuple[Manifest, ...]) -> None:
    ours = {container.spec["image"] for container in containers_of(manifests).values() if container.ours}

    assert len({image.rpartition("/")[0] for image in ours}) == 1
    assert len({image.rpartition(":")[2] for image in ours}) == 1
    assert {image.rpartition("/")[2].partition(":")[0] for image in ours} == {f"switchboard-{n}" for n in SERVICES}


def test_each_file_of_a_service_differs_from_the_others_in_name_and_port_alone() -> None:
    texts = {
        (K8S / "services" / name / "kustomization.yaml").read_text().replace(name, "NAME").replace(str(port), "PORT")
        for name, port in SERVICES.items()
    }

    assert len(texts) == 1


def test_production_keeps_no_secret_and_no_address() -> None:
    production = rendered("production")

    assert of_kind(production, "Secret") == []
    assert [name_of(one) for one in of_kind(production, "ConfigMap")] == ["switchboard-alerts", "switchboard-settings"]
    assert {one["kind"] for one in production} == {*PER_SERVICE, "ConfigMap", "NetworkPolicy"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_file_holds_a_secret(overlay: str) -> None:
    for text in (yaml.safe_dump(one) for one in rendered(overlay)):
        assert not re.search(r"(?i)password:|PASSWORD\b.*value|sb_[\w-]{20}|://[^/\s]+:[^/\s]+@", text)


def test_in_production_two_of_each_run_and_one_may_go() -> None:
    for name, deployment in services_of(rendered("production")).items():
        assert deployment["spec"]["replicas"] >= 2, name
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0, name


@pytest.mark.parametrize("name", SERVICES)
def test_what_the_readme_tells_a_team_to_make_is_all_a_service_needs_to_start(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    production = rendered("production")
    container = containers_of(production)[f"switchboard-{name}"]
    environment = container.environment(configuration(production) | GIVEN) | {"SWITCHBOARD_RULES": str(tmp_path)}
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)

    kind: type[Settings] = importlib.import_module(f"services.{name}.settings").Settings

    assert load(kind).http_port == SERVICES[name]


@pytest.mark.parametrize("missing", GIVEN)
def test_what_has_to_be_there_before_is_named_in_the_readme(missing: str) -> None:
    text = (K8S / "README.md").read_text()

    assert missing in text
    assert all(variable in text for variable in GIVEN[missing])


def test_what_the_readme_says_of_mail_are_settings_of_notify() -> None:
    named = set(re.findall(r"\bSWITCHBOARD_(SMTP_\w+)", (K8S / "README.md").read_text()))

    assert {name.lower() for name in named} <= set(notify.Settings.model_fields)


def test_on_a_developers_cluster_the_link_of_a_survey_leads_to_the_port_that_the_readme_forwards() -> None:
    link = configuration(rendered("local"))["switchboard-addresses"]["SWITCHBOARD_PUBLIC_URL"]
    forwarded = re.findall(r"port-forward svc/switchboard-feedback (\d+)", (K8S / "README.md").read_text())

    assert [f"http://localhost:{port}" for port in forwarded] == [link] == [f"http://localhost:{SERVICES['feedback']}"]


def test_only_notify_knows_the_mail_relay_and_only_it_may_reach_it() -> None:
    production = rendered("production")
    knows = [n for n, c in containers_of(production).items() if "switchboard-smtp" in str(c.spec.get("envFrom"))]
    mail = next(one for one in of_kind(production, "NetworkPolicy") if name_of(one) == "switchboard-mail")

    assert knows == ["switchboard-notify"]
    assert mail["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "notify"


def test_pods_hear_only_on_the_port_they_serve_and_speak_only_where_they_must() -> None:
    policy = next(o for o in of_kind(rendered("production"), "NetworkPolicy") if name_of(o) == "switchboard")["spec"]

    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert [rule["ports"] for rule in policy["ingress"]] == [[{"port": "http", "protocol": "TCP"}]]
    assert all(rule["ports"] for rule in policy["egress"])
