from __future__ import annotations

import asyncio
from typing import Any

import typer

from cli.addresses import kafka_options
from cli.errors import CliError

app = typer.Typer(no_args_is_help=True, help="The topics, against what the services expect.")


@app.command()
def check() -> None:
    """Say which topics are missing or are made otherwise than expected."""
    from shared import topics

    problems = asyncio.run(topics.missing(**_broker()))
    for problem in sorted(problems):
        typer.echo(problem)
    if problems:
        raise CliError(f"{len(problems)} topics are not as expected")
    typer.echo("every topic is as expected")


@app.command()
def create() -> None:
    """Create the topics that are missing; never changes one that is there."""
    from shared import topics

    made = asyncio.run(topics.ensure(**_broker()))
    for name in sorted(made):
        typer.echo(f"created {name}")
    typer.echo(f"{len(made)} topics created")


def _broker() -> dict[str, Any]:
    options = kafka_options()
    return {"bootstrap": options.pop("bootstrap_servers"), **options}
