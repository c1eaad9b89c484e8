from __future__ import annotations

from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaError
from pydantic import ValidationError

from deploy.local.errors import Refused


def options(bootstrap: str) -> dict[str, Any]:
    """What aiokafka's clients need for this broker: read as the services read it. Raises Refused."""
    from shared.kafka import client_options
    from shared.settings import Settings, fault_of

    try:
        # A command has no HTTP door and no database of its own.
        return client_options(
            Settings(kafka=bootstrap, mongo="mongodb://none", http_port=1, keys=Path("none"), rules=None)
        )
    except ValidationError as error:
        raise Refused(f"setting {fault_of(error)}") from error


async def create_topics(bootstrap: str) -> list[str]:
    """Creates those that are missing and returns their names."""
    from shared import topics

    security = options(bootstrap)
    try:
        return await topics.ensure(security.pop("bootstrap_servers"), **security)
    except KafkaError as error:
        gone = "if it is gone for good: `switchboard down`, and unset SWITCHBOARD_KAFKA where it is set"
        raise Refused(f"the broker at {bootstrap} does not answer ({type(error).__name__}); {gone}") from error
