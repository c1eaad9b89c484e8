"""The overlay `local`, container by container, under a plain engine: as its manifests say, without a cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from deploy.local import local_keys
from deploy.local.services import SERVICES
from tests.deploy.engine import ask, do, logs
from tests.deploy.manifests import rendered
from tests.deploy.pods import Pods
from tests.deploy.story import Doors, one_contact_through_all, quick_surveys
from tests.waiting import eventually

READY_WITHIN = 120.0
DEPLOYMENTS = tuple(f"switchboard-{name}" for name in SERVICES)


@pytest.fixture(scope="module")
async def pods(
    images: None, client: httpx.AsyncClient, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pods]:
    """All that the overlay sends runs, and everything is ready."""
    given = tmp_path_factory.mktemp("given")
    pods = Pods(f"switchboard-{uuid4().hex[:8]}", rendered("local"), files(given))
    try:
        pods.start()
        await _set_up(pods)
        for name in ("kafka", "mongo", *DEPLOYMENTS):
            await pods.passes(client, name, "readinessProbe", READY_WITHIN)
        yield pods
    finally:
        pods.remove()


def files(directory: Path) -> dict[str, Path]:
    """What a developer makes before, and rules of his own for feedback."""
    keys, rules = directory / "keys", directory / "rules"
    for one in (keys, rules):
        one.mkdir()
        one.chmod(0o755)
    (directory / "key").write_text(local_keys.add(keys / "keys.yaml", "me", "admin", None))
    (keys / "keys.yaml").chmod(0o444)
    (rules / "surveys.yaml").write_text(quick_surveys())
    return {"switchboard-keys": keys, "switchboard-rules-feedback": rules}


async def _set_up(pods: Pods) -> None:
    """The Job ends well; started again, it finds all done."""
    await eventually(lambda: pods.state("switchboard-setup", "Status") == "exited", READY_WITHIN)
    assert pods.state("switchboard-setup", "ExitCode") == "0", logs(pods.called("switchboard-setup"))
    again = do("docker", "start", "-a", pods.called("switchboard-setup"))
    assert "0 topics created" in again


@pytest.mark.parametrize("name", DEPLOYMENTS)
@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
async def test_a_service_passes_its_probes(pods: Pods, client: httpx.AsyncClient, name: str, probe: str) -> None:
    assert await pods.answers(client, name, pods.containers[name].spec[probe])


async def test_one_contact_goes_through_all_services(pods: Pods, client: httpx.AsyncClient) -> None:
    addresses = {name: f"http://{pods.address(f'switchboard-{name}', port)}" for name, port in SERVICES.items()}
    key = (pods.files["switchboard-keys"].parent / "key").read_text()

    await one_contact_through_all(Doors(client, addresses, key))


def test_a_container_is_as_poor_as_its_manifest_says(pods: Pods) -> None:
    inside = ("docker", "exec", pods.called("switchboard-intake"), "sh", "-c")

    assert do(*inside, "id -u") == "10001"
    assert do(*inside, "grep CapEff /proc/1/status").split()[1].strip("0") == ""
    assert do(*inside, "touch /opt/switchboard/x 2>/dev/null || echo refused") == "refused"
    assert do(*inside, "command -v gcc cc make || echo none") == "none"


async def test_the_operator_sees_all_from_within_a_pod(pods: Pods) -> None:
    def told() -> str:
        """Figures are looked up every five seconds; until then a service that has just started tells none."""
        shown = ask("docker", "exec", pods.called("switchboard-intake"), "switchboard", "status").stdout
        return shown if "all is well" in shown else ""

    screen = await eventually(told, within=30)

    assert screen.count(" ready ") == len(SERVICES)
    assert "0.1.0 (tested)" in screen


def test_sigterm_ends_each_service_within_its_grace_and_without_an_error(pods: Pods) -> None:
    """The last of this file: afterwards nothing runs."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: _stop(pods, name), DEPLOYMENTS))

    assert {name: pods.state(name, "ExitCode") for name in DEPLOYMENTS} == dict.fromkeys(DEPLOYMENTS, "0")


def _stop(pods: Pods, name: str) -> None:
    grace = pods.containers[name].pod["terminationGracePeriodSeconds"]
    do("docker", "stop", "-t", str(grace), pods.called(name))
