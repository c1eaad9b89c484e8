from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from cli.addresses import find
from cli.errors import CliError
from deploy.local import broker

if TYPE_CHECKING:
    from shared.topics import Difference

app = typer.Typer(no_args_is_help=True, help="The topics, against what the services expect.")
T = TypeVar("T")


@app.command()
def check() -> None:
    """Say which topics are missing or made otherwise than expected, and how that is mended. Exit code 0: none is."""
    found = _differences()
    for difference in found:
        _tell(difference)
    if found:
        raise CliError(f"{len({difference.topic for difference in found})} topics are not as expected")
    typer.echo("every topic is as expected")


@app.command()
def create() -> None:
    """Create the topics that are missing. One that is there is never changed; how it differs is said."""
    made = _ask(broker.create_topics(find("SWITCHBOARD_KAFKA")))
    for name in sorted(made):
        typer.echo(f"created {name}")
    typer.echo(f"{len(made)} topics created")
    for difference in _differences():
        _tell(difference)


def _differences() -> list[Difference]:
    from shared import topics

    options = broker.options(find("SWITCHBOARD_KAFKA"))
    return _ask(topics.differences(options.pop("bootstrap_servers"), **options))


def _tell(difference: Difference) -> None:
    typer.echo(f"topic {difference.topic} {difference.said}\n    {difference.mend}")


def _ask(question: Coroutine[Any, Any, T]) -> T:
    from aiokafka.errors import KafkaError

    try:
        return asyncio.run(question)
    except KafkaError as error:
        raise CliError(f"the broker at {find('SWITCHBOARD_KAFKA')} does not answer as it should: {error!r}") from error
