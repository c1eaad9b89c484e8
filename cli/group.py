from __future__ import annotations

from typing import Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from cli.errors import CliError
from deploy.local.errors import LocalStackError


class Group(TyperGroup):
    """Expected errors end a command with one line and exit code 1; anything else is a bug and keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (CliError, LocalStackError) as error:
            Console(stderr=True, highlight=False).print(
                f"switchboard: {error}", style="red", markup=False, soft_wrap=True
            )
            raise typer.Exit(1) from error
