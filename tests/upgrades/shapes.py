"""Every store of the services on the path, and how it keeps its states. Prints it: both versions are asked alike."""

from __future__ import annotations

import json
import pkgutil
from importlib import import_module
from typing import Any

import services
from shared.store import Shape


def shapes() -> dict[str, Shape[Any]]:
    """By service and collection: `intake.cases`."""
    found = {}
    for service in pkgutil.iter_modules(services.__path__):
        package = import_module(f"services.{service.name}")
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            values = vars(import_module(module.name)).values()
            found |= {f"{service.name}.{shape.collection}": shape for shape in values if isinstance(shape, Shape)}
    return found


def drawn() -> dict[str, dict[str, Any]]:
    """By store, the JSON Schema of its state."""
    return {name: shape.model.model_json_schema() for name, shape in shapes().items()}


if __name__ == "__main__":
    print(json.dumps(drawn()))
