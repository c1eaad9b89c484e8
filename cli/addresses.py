from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from cli.errors import CliError, NotRunning
from deploy.local.paths import Paths, run_dir
from deploy.local.stack import read_env


def find(variable: str) -> str:
    """A setting from the environment, else of the local stack. Raises NotRunning."""
    value = os.environ.get(variable) or read_env(Paths(run_dir()).env).get(variable)
    if not value:
        raise NotRunning(variable)
    return value


def kafka_options() -> dict[str, Any]:
    """What aiokafka's clients need, address and security, as the services read it. Raises NotRunning, CliError."""
    from pydantic import ValidationError

    from shared.kafka import client_options
    from shared.settings import Settings

    try:
        # A command has no HTTP door and no database of its own.
        return client_options(
            Settings(
                kafka=find("SWITCHBOARD_KAFKA"), mongo="mongodb://none", http_port=1, keys=Path("none"), rules=None
            )
        )
    except ValidationError as error:
        raise CliError(f"SWITCHBOARD_KAFKA_SECURITY: {error.errors()[0]['msg']}") from error
