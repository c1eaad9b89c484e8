from __future__ import annotations

import typer

from cli import (
    audit,
    contracts,
    evaluate,
    feed,
    keys,
    learn,
    parked,
    partitions,
    quarantine,
    rules,
    setup,
    stack,
    status,
    topics,
)
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
app.command()(setup.setup)
app.command()(learn.learn)
app.command()(evaluate.evaluate)
app.command()(status.status)
app.add_typer(audit.app, name="audit")
app.add_typer(contracts.app, name="contracts")
app.add_typer(keys.app, name="keys")
app.add_typer(parked.app, name="parked")
app.add_typer(partitions.app, name="partitions")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(rules.app, name="rules")
app.add_typer(topics.app, name="topics")

if __name__ == "__main__":
    app()
