from __future__ import annotations

import importlib.util

import typer

from cli import contracts, feed, keys, rules, stack, topics
from cli.group import Group

app = typer.Typer(
    cls=Group,
    name="switchboard",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Every contact a customer makes becomes one case, reaches the right person in time and keeps its promise.",
)
app.command()(stack.up)
app.command()(stack.down)
app.command()(stack.demo)
app.command()(feed.feed)
app.add_typer(contracts.app, name="contracts")
app.add_typer(keys.app, name="keys")
app.add_typer(rules.app, name="rules")
app.add_typer(topics.app, name="topics")

if importlib.util.find_spec("cli.quarantine"):
    app.add_typer(importlib.import_module("cli.quarantine").app, name="quarantine")
if importlib.util.find_spec("cli.parked"):
    app.add_typer(importlib.import_module("cli.parked").app, name="parked")

if __name__ == "__main__":
    app()
