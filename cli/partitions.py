from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from cli.doors import Became, Door, Doors, Item, Pace, Work, agree, natural, path_of, table
from cli.errors import CliError
from cli.quarantine import AsJson, Service

app = typer.Typer(
    no_args_is_help=True, help="Partitions, and those that stopped because too many errors of ours came in a row."
)
COLUMNS = ("service", "topic", "partition", "next_offset", "state", "address")


@app.command("list")
def list_(
    service: Service = None,
    stopped: Annotated[bool, typer.Option("--stopped", help="Only those that stand still.")] = False,
    as_json: AsJson = False,
) -> None:
    """Who reads which partition, and from where it goes on. Each replica tells of its own."""
    found = [item for item in _found(Doors(service)) if item["stopped"] or not stopped]
    table(found, COLUMNS, as_json)


@app.command()
def resume(
    places: Annotated[
        list[str] | None, typer.Argument(metavar="[TOPIC/PARTITION]...", help="As `list` names them: cases.v1/3.")
    ] = None,
    service: Service = None,
    every: Annotated[bool, typer.Option("--all", help="All that stand still.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say which would go on; change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let stopped partitions go on, once what was wrong is mended. Exit code 0 only if all do."""
    if bool(places) == every:
        raise CliError("say which: topic/partition, or --all")
    doors = Doors(service)
    asked = [item for item in _found(doors) if item["stopped"] and (every or _place(item) in (places or ()))]
    if strange := set(places or ()) - {_place(item) for item in asked}:
        raise CliError(
            f"{', '.join(sorted(strange))} has not stopped; `switchboard partitions list --stopped` names those"
        )
    if not dry_run:
        agree(len(asked), f"Resume {len(asked)} partitions?", yes)
    work = Work(Pace(None))
    for item in asked:
        door = Door(item["service"], item["address"])
        work.do(door.service, _place(item), partial(_resume, doors, door, item, dry_run))
    work.tell("resumed", as_json)


def _found(doors: Doors) -> list[Item]:
    items = [
        {**item, "address": door.address, "state": "stopped" if item["stopped"] else "reading"}
        for door in doors.replicas
        for item in doors.all(door, "/v1/partitions")
    ]
    return sorted(items, key=lambda item: (item["service"], natural(_place(item)), item["address"]))


def _place(item: Item) -> str:
    return f"{item['topic']}/{item['partition']}"


def _resume(doors: Doors, door: Door, item: Item, dry_run: bool) -> Became:
    if dry_run:
        return Became(door.service, _place(item), True, "would go on")
    doors.post(door, path_of("partitions", item["topic"], item["partition"], "resume"))
    return Became(door.service, _place(item), True, "goes on")
