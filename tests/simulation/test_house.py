"""All services together under trouble: what customers, agents and departments are promised holds in every history."""

import pytest

from tests.simulation.history import Size, play, why
from tests.simulation.house import HouseCore
from tests.simulation.invariants import digest
from tests.simulation.unguarded import NoClaims, with_core, with_store

MANY, CHUNK = 500, 25
CROWD = Size(contacts=8, agents=1, trouble_s=4.0, replicas=2, partitions=2)
FEW = 40


@pytest.mark.parametrize("first", range(0, MANY, CHUNK))
def test_whatever_fails_the_house_keeps_its_promises(first: int) -> None:
    failed = {seed: what for seed in range(first, first + CHUNK) if (what := why(seed))}
    assert not failed, "make simulate SEED=" + ", ".join(f"{seed}: {what}" for seed, what in failed.items())


def test_a_large_house_keeps_its_promises() -> None:
    assert not why(1, size=Size(contacts=25, agents=3, trouble_s=15.0, replicas=2, partitions=12))


def digest_of(seed: int) -> str:
    return digest(play(seed).world)


def test_without_the_unique_indexes_some_conversation_is_in_two_open_cases() -> None:
    made = with_core(with_store(NoClaims, HouseCore, only="cases"))
    assert any("in two open cases" in why(seed, size=CROWD, made_of=lambda _: made) for seed in range(FEW))
