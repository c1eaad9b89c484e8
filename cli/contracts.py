from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CliError

app = typer.Typer(no_args_is_help=True, help="The published contracts: JSON Schemas and the AsyncAPI document.")
PUBLISHED = Path(__file__).resolve().parent.parent / "docs" / "contracts"


@app.command()
def export(
    directory: Annotated[Path, typer.Argument(help="Where the files go; it is made if it is not there.")],
) -> None:
    """Write JSON Schemas and AsyncAPI as files."""
    from shared.events.schemas import Incompatible
    from shared.events.schemas import export as write

    directory.mkdir(parents=True, exist_ok=True)
    try:
        files = write(directory)
    except Incompatible as error:
        raise CliError(
            f"{error}\nnothing was written: {directory} holds a published contract, which may only grow"
        ) from error
    for file in sorted(files):
        typer.echo(str(file))


@app.command()
def check(
    directory: Annotated[Path, typer.Argument(help="The published contracts to compare with.")] = PUBLISHED,
) -> None:
    """Compare the models with the published contracts: they may only grow."""
    from shared.events.schemas import check as compare

    problems = compare(directory)
    for problem in sorted(problems):
        typer.echo(problem)
    if problems:
        raise CliError(
            f"{len(problems)} problems; a published contract may only grow (`switchboard contracts export {directory}`)"
        )
    typer.echo("contracts: compatible with what was published")


@app.command()
def flow(
    file: Annotated[Path | None, typer.Argument(help="Where to write the page; without it, it is printed.")] = None,
) -> None:
    """Draw which service reads and writes which topic, from the code (docs/flow.md)."""
    from cli.flow import page

    if file is None:
        typer.echo(page(), nl=False)
    else:
        file.write_text(page(), encoding="utf-8")
        typer.echo(str(file))
