from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated

import typer

from cli.doors import Became, Door, Doors, Item, Pace, Work, agree, natural, path_of, table
from cli.errors import CliError, Unreachable
from cli.quarantine import AsJson, Service, Why

app = typer.Typer(
    no_args_is_help=True, help="Partitions, and those that stopped because too many errors of ours came in a row."
)
COLUMNS = ("service", "topic", "partition", "next_offset", "state", "since", "address")


@app.command("list")
def list_(
    service: Service = None,
    stopped: Annotated[bool, typer.Option("--stopped", help="Only those that stand still.")] = False,
    as_json: AsJson = False,
) -> None:
    """Who reads which partition, and from where it goes on. A stopped one is told even if nobody reads it now."""
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
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="Partitions per second. Default: as fast as it goes.")
    ] = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Let stopped partitions go on, once what was wrong is mended. Exit code 0 only if all may.

    Whichever replica answers is told; the one that reads the partition goes on within about a second.
    """
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
    work = Work(Pace(rate))
    for item in asked:
        door = Door(item["service"], item["told_by"])
        work.do(door.service, _place(item), partial(_resume, doors, door, item, dry_run, why))
    work.tell("resumable" if dry_run else "resumed", as_json)


def _found(doors: Doors) -> list[Item]:
    """Each partition once: as its reader tells, else, for one that is stopped, as whoever knows of it does."""
    told = [item for replicas in doors.by_service for item in _told_by_any(doors, replicas)]
    found = {(item["service"], _place(item)): item for item in sorted(told, key=lambda item: bool(item["owned"]))}
    return sorted(found.values(), key=lambda item: (item["service"], natural(_place(item))))


def _told_by_any(doors: Doors, replicas: list[Door]) -> Iterator[Item]:
    """What a replica that is away read goes to another, and what is stopped is known to all. Raises if all are away."""
    away: list[Unreachable] = []
    for door in replicas:
        try:
            yield from [_told(item, door) for item in doors.all(door, "/v1/partitions")]
        except Unreachable as error:
            away.append(error)
    if len(away) == len(replicas):
        raise away[0]
    for silent in away:
        typer.echo(f"switchboard: {silent}", err=True)


def _told(item: Item, door: Door) -> Item:
    state = "stopped" if item["stopped"] else "reading"
    return {**item, "state": state, "address": door.address if item["owned"] else "", "told_by": door.address}


def _place(item: Item) -> str:
    return f"{item['topic']}/{item['partition']}"


def _resume(doors: Doors, door: Door, item: Item, dry_run: bool, why: str) -> Became:
    doors.post(door, path_of("partitions", item["topic"], item["partition"], "resume"), dry_run=dry_run, why=why)
    return Became(door.service, _place(item), True, "would go on" if dry_run else "goes on")
