from __future__ import annotations

import os

from cli.errors import NotRunning
from deploy.local.paths import Paths, run_dir
from deploy.local.stack import read_env


def find(variable: str) -> str:
    """A setting from the environment, else of the local stack. Raises NotRunning."""
    value = os.environ.get(variable) or read_env(Paths(run_dir()).env).get(variable)
    if not value:
        raise NotRunning(variable)
    return value
