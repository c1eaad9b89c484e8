"""How the house speaks to a broker: the settings that a client is made with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shared.kafka import subscribe
from shared.settings import Settings


def test_a_service_knows_each_of_several_brokers() -> None:
    given = Settings(kafka="one:9092,two:9092", mongo="mongodb://none", http_port=1, keys=Path("none"))
    unused: Any = None

    assert subscribe(given, "group", ["cases.v1"], unused, unused).specification.url == ["one:9092", "two:9092"]
