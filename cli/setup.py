from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from cli.addresses import find
from cli.errors import CliError
from deploy.local import broker, local_keys, readiness


def setup(
    initiate: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Make this database node a replica set of one first.")
    ] = None,
    within: Annotated[float, typer.Option(min=1, help="How many seconds to wait for broker and database.")] = 120,
) -> None:
    """Once before the services: wait for broker and database, create topics and an empty keys file. Safe to repeat."""
    kafka, mongo = find("SWITCHBOARD_KAFKA"), find("SWITCHBOARD_MONGO")
    if initiate and not readiness.wait_until(lambda: readiness.initiate_at(initiate), within):
        raise CliError(f"the database node at {initiate} did not become a replica set within {within:g} s")
    if not readiness.wait_until(lambda: readiness.mongo_answers(mongo), within):
        raise CliError(f"no database that takes writes answered within {within:g} s: see SWITCHBOARD_MONGO")
    if not readiness.wait_until(lambda: readiness.kafka_answers(kafka), within):
        raise CliError(f"no broker answered at {kafka} within {within:g} s: see SWITCHBOARD_KAFKA")
    made = asyncio.run(broker.create_topics(kafka))
    typer.echo(f"database ready, broker ready, {len(made)} topics created")
    if keys := os.environ.get("SWITCHBOARD_KEYS"):
        local_keys.begin(Path(keys))
