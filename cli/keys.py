from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CliError
from deploy.local.local_keys import add
from deploy.local.paths import Paths, run_dir

app = typer.Typer(no_args_is_help=True, help="Access keys for the HTTP doors.")
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@app.callback()
def group() -> None:
    pass


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who will hold the key.")],
    role: Annotated[str, typer.Option(help="What it may do, such as channel, agent, supervisor, auditor, admin.")],
    expires: Annotated[str | None, typer.Option(help="When it ends: 30m, 8h, 7d, 2w. Default: never.")] = None,
    agent: Annotated[str | None, typer.Option(help="The agent for whom alone it speaks. Default: any.")] = None,
    department: Annotated[
        str | None, typer.Option(help="The department for which alone it speaks, with --role department. Default: any.")
    ] = None,
) -> None:
    """Make a key and show it once; only its hash goes to the keys file."""
    file = Path(os.environ.get("SWITCHBOARD_KEYS") or Paths(run_dir()).keys)
    try:
        plain = add(file, name, role, ends_at(expires, datetime.now(UTC)) if expires else None, agent, department)
    except ValueError as error:
        raise CliError(str(error)) from error
    typer.echo(plain)
    typer.echo(f"shown once; its hash is in {file}", err=True)
    if role == "department" and department is None:
        typer.echo("bound to no department: it must name one at each question (--department binds it)", err=True)


def ends_at(lifetime: str, now: datetime) -> datetime:
    """Raises ValueError for anything but a positive number and one of m, h, d, w."""
    found = re.fullmatch(r"([1-9]\d*)([mhdw])", lifetime)
    if not found:
        raise ValueError(f"--expires {lifetime!r} is no lifetime; write for example 30m, 8h, 7d or 2w")
    return now + timedelta(**{UNITS[found[2]]: int(found[1])})
