from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.errors import Refused
from deploy.local.infrastructure import choose

BOTH = {"SWITCHBOARD_KAFKA": "broker:9092", "SWITCHBOARD_MONGO": "mongodb://db"}


def test_given_addresses_come_first() -> None:
    assert choose(BOTH).how == "env"


def test_a_stated_wish_beats_given_addresses() -> None:
    assert choose({**BOTH, "SWITCHBOARD_INFRA": "processes"}).how == "processes"


def test_without_docker_plain_processes_are_taken_and_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    choice = choose({})
    assert (choice.how, choice.why) == ("processes", "there is no docker command")


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"SWITCHBOARD_KAFKA": "broker:9092"}, "only SWITCHBOARD_KAFKA is set"),
        ({"SWITCHBOARD_INFRA": "env"}, "needs the addresses"),
        ({"SWITCHBOARD_INFRA": "cloud"}, "it may be env, docker, processes"),
    ],
)
def test_half_a_wish_is_refused(environ: dict[str, str], told: str) -> None:
    with pytest.raises(Refused, match=told):
        choose(environ)
