from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CliError

app = typer.Typer(no_args_is_help=True, help="The rules that an operator may change.")


@app.callback()
def group() -> None:
    pass


@app.command()
def check(
    directory: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="<service>/<file>.yaml, as SWITCHBOARD_RULES.")
    ],
) -> None:
    """Validate a rule directory: what is wrong, with file and line."""
    from shared.rules import check as validate

    problems = validate(directory)
    for problem in sorted(problems):
        typer.echo(problem)
    if problems:
        raise CliError(f"{len(problems)} problems in {directory}")
    typer.echo(f"{directory}: every rule file can be used")
