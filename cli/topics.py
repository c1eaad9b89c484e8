from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import typer

from cli.addresses import find
from cli.errors import CliError
from deploy.local import broker

app = typer.Typer(no_args_is_help=True, help="The topics, against what the services expect.")


@app.command()
def check() -> None:
    """Say which topics are missing or are made otherwise than expected."""
    from shared import topics

    options = broker.options(find("SWITCHBOARD_KAFKA"))
    problems = _ask(topics.missing(options.pop("bootstrap_servers"), **options))
    for problem in sorted(problems):
        typer.echo(problem)
    if problems:
        raise CliError(f"{len(problems)} topics are not as expected")
    typer.echo("every topic is as expected")


@app.command()
def create() -> None:
    """Create the topics that are missing; never changes one that is there."""
    made = _ask(broker.create_topics(find("SWITCHBOARD_KAFKA")))
    for name in sorted(made):
        typer.echo(f"created {name}")
    typer.echo(f"{len(made)} topics created")


def _ask(question: Coroutine[Any, Any, list[str]]) -> list[str]:
    from aiokafka.errors import KafkaError

    try:
        return asyncio.run(question)
    except KafkaError as error:
        raise CliError(f"the broker at {find('SWITCHBOARD_KAFKA')} does not answer as it should: {error!r}") from error
