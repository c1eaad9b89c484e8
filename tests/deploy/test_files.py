"""What images and compose are made from; no engine is needed to know it."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.paths import ROOT
from deploy.local.services import SERVICES

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PIN = re.compile(r"^([\w.-]+)==([^\s;]+)", re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / lock).read_text()))


def test_what_runs_in_an_image_is_what_was_tested() -> None:
    running, tested = pins("requirements.runtime.lock"), pins("requirements.lock")

    assert {name: version for name, version in running.items() if tested.get(name) != version} == {}


def test_all_that_the_product_needs_is_in_an_image_and_no_tool_of_ours() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    running = pins("requirements.runtime.lock")

    assert {_named(one) for one in project["dependencies"]} <= set(running)
    assert {_named(one) for one in project["optional-dependencies"]["dev"]} & set(running) == set()


def _named(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-")


def test_an_image_is_not_run_by_root_and_is_told_to_stop() -> None:
    (user,) = re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)
    (command,) = re.findall(r"^CMD (.+)$", DOCKERFILE, re.MULTILINE)

    assert user == "10001:10001"
    assert command.startswith('["sh", "-c", "exec python ')


def test_compose_has_the_five_services_and_each_has_the_port_it_has_everywhere() -> None:
    services = COMPOSE["services"]

    assert set(services) == {"kafka", "mongo", "setup", *SERVICES}
    for name, port in SERVICES.items():
        assert services[name]["ports"] == [f"127.0.0.1:${{{name.upper()}_PORT:-{port}}}:{port}"]
        assert f"http://127.0.0.1:{port}/readyz" in services[name]["healthcheck"]["test"][-1]
        assert services[name]["build"]["args"]["SERVICE"] == name
        assert services[name]["environment"][f"{name.upper()}_URL"] == f"http://{name}:{port}"


@pytest.mark.parametrize("name", ["setup", *SERVICES])
def test_compose_locks_down_what_is_ours(name: str) -> None:
    service = COMPOSE["services"][name]

    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


def test_compose_binds_to_this_machine_alone_and_defaults_to_no_secret() -> None:
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        assert (
            not any("PASSWORD" in name for name in service["environment"] if name) if "environment" in service else True
        )
    assert "sb_" not in (ROOT / "docker-compose.yml").read_text()


def test_a_check_without_kubectl_names_the_command_that_installs_it_before_it_begins(tmp_path: Path) -> None:
    make = shutil.which("make")
    assert make, "make is missing"
    words = [make, "-C", str(ROOT), "-o", ".venv/stamp", "check"]

    done = subprocess.run(words, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "kubectl is missing; install it with: curl -fLO " in done.stderr
