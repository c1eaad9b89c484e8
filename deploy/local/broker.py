from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from deploy.local.errors import Refused


def options(bootstrap: str) -> dict[str, Any]:
    """What aiokafka's clients need for this broker: read as the services read it. Raises Refused."""
    from shared.kafka import client_options
    from shared.settings import Settings

    try:
        # A command has no HTTP door and no database of its own.
        return client_options(
            Settings(kafka=bootstrap, mongo="mongodb://none", http_port=1, keys=Path("none"), rules=None)
        )
    except ValidationError as error:
        raise Refused(f"the settings of the broker: {error.errors()[0]['msg']}") from error


async def create_topics(bootstrap: str) -> list[str]:
    """Creates those that are missing and returns their names."""
    from shared import topics

    security = options(bootstrap)
    return await topics.ensure(security.pop("bootstrap_servers"), **security)
