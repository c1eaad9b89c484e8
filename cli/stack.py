from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy.local.stack import Stack


def up(
    reset: Annotated[bool, typer.Option("--reset", envvar="RESET", help="Start from empty stores.")] = False,
) -> None:
    """Start broker, database and services in the background, and again what has died; returns when all are ready."""
    stack = Stack()
    stack.up(reset)
    for name, value in stack.env.items():
        if name.endswith("_URL"):
            typer.echo(f"{name.removesuffix('_URL').lower():<8} {value}/docs")
    typer.echo(f"addresses and an admin key: {stack.paths.env}")


def down() -> None:
    """Stop what `up` started, and only that; the data stays for the next `up`."""
    stopped = Stack().down()
    typer.echo(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")


def demo(
    seconds: Annotated[int, typer.Option(envvar="DEMO_SECONDS", min=1, help="How long simulated people work.")] = 60,
    contacts: Annotated[
        Path | None, typer.Option(envvar="CONTACTS", help="JSONL of contacts; default: our own.")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", envvar="RESET", help="Start from empty stores.")] = False,
) -> None:
    """Bring up everything, feed contacts, let simulated people work, and end with one JSON line of totals."""
    from demo.main import run

    raise typer.Exit(run(seconds=seconds, contacts=contacts, reset=reset))
