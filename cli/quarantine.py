from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import typer

from cli.doors import Became, Door, Doors, Item, NotThere, Pace, Work, agree, moment, natural, path_of, table
from cli.errors import CliError

app = typer.Typer(
    no_args_is_help=True, help="Records that were set aside because they could not be read or were refused."
)
Step = Callable[[Door, str], Became]
COLUMNS = ("service", "id", "at", "source", "key", "reason", "error")

Service = Annotated[str | None, typer.Option(help="Only this service. Default: all.")]
Reason = Annotated[str | None, typer.Option(help="Set aside for this reason, such as bad_json or identity_reused.")]
Source = Annotated[str | None, typer.Option(help="From this sender.")]
Key = Annotated[str | None, typer.Option(help="With this record key.")]
After = Annotated[
    datetime | None,
    typer.Option(
        parser=moment, metavar="TIME", help="Set aside from then on: 2026-11-22T08:00Z, or 8h for so long ago."
    ),
]
Before = Annotated[
    datetime | None, typer.Option(parser=moment, metavar="TIME", help="Set aside before then: 2026-11-22T08:00Z or 8h.")
]
Why = Annotated[str, typer.Option(help="Why it is done, for the audit trail.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="topic/partition/offset.")]
Every = Annotated[bool, typer.Option("--all", help="All that waits.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would become of each; change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Rate = Annotated[float | None, typer.Option(min=0.01, help="Records per second. Default: as fast as it goes.")]


@app.command("list")
def list_(
    service: Service = None,
    reason: Reason = None,
    source: Source = None,
    key: Key = None,
    after: After = None,
    before: Before = None,
    status: Annotated[str, typer.Option(help="waiting; replayed or dismissed for those that left.")] = "waiting",
    as_json: AsJson = False,
) -> None:
    """What is set aside, by service and place."""
    doors = Doors(service)
    table(_found(doors, status, reason, source, key, after, before), COLUMNS, as_json)


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="topic/partition/offset, as `list` names it.")],
    service: Service = None,
    as_json: AsJson = False,
) -> None:
    """One record whole: why it was set aside, its headers and its value; as hex what is not text."""
    doors = Doors(service)
    held = [{"service": door.service, **doors.get(door, _path(id_))} for door in _holders(doors, id_)]
    if as_json:
        table(held, (), as_json=True)
        return
    for body in held:
        _print(body)


@app.command()
def replay(
    ids: Ids = None,
    service: Service = None,
    reason: Reason = None,
    source: Source = None,
    key: Key = None,
    after: After = None,
    before: Before = None,
    every: Every = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    rate: Rate = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Take records in again, inside the service that set them aside. Exit code 0 only if all were taken in."""
    doors = Doors(service)
    asked = _asked(doors, ids, every, (reason, source, key, after, before))
    if not dry_run:
        agree(len(asked), f"Replay {len(asked)} records?", yes)
    _each(asked, partial(_replay, doors, dry_run, why), rate, "replayable" if dry_run else "replayed", as_json)


@app.command()
def dismiss(
    ids: Ids = None,
    service: Service = None,
    reason: Reason = None,
    source: Source = None,
    key: Key = None,
    after: After = None,
    before: Before = None,
    every: Every = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    rate: Rate = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Leave records as they are: kept (`list --status dismissed`), but no longer told as waiting.

    A replay by id takes one in all the same. Exit code 0 only if all were dismissed.
    """
    if not (why or dry_run):
        raise CliError("what is dismissed wants a reason: --why 'a test of the sender'; or --dry-run to look")
    doors = Doors(service)
    asked = _asked(doors, ids, every, (reason, source, key, after, before))
    if not dry_run:
        agree(len(asked), f"Dismiss {len(asked)} records?", yes)
    _each(asked, partial(_dismiss, doors, dry_run, why), rate, "dismissible" if dry_run else "dismissed", as_json)


def _each(asked: list[tuple[Door, str]], step: Step, rate: float | None, verb: str, as_json: bool) -> None:
    work = Work(Pace(rate))
    for door, id_ in asked:
        work.do(door.service, id_, partial(step, door, id_))
    work.tell(verb, as_json)


Filters = tuple[str | None, str | None, str | None, datetime | None, datetime | None]


def _asked(doors: Doors, ids: list[str] | None, every: bool, filters: Filters) -> list[tuple[Door, str]]:
    if not ids and not every and not any(filters):
        raise CliError("say which: ids, a filter such as --reason, or --all")
    if ids and (every or any(filters)):
        raise CliError("say either ids or filters, not both")
    if ids:
        return _named(doors, ids)
    return [(_door(doors, item), item["id"]) for item in _found(doors, "waiting", *filters)]


def _found(doors: Doors, status: str, reason: Any, source: Any, key: Any, after: Any, before: Any) -> list[Item]:
    times = {name: when and when.isoformat() for name, when in (("since", after), ("before", before))}
    items = [
        item
        for door in doors.services
        for item in doors.all(door, "/v1/quarantine", status=status, reason=reason, source=source, key=key, **times)
    ]
    return sorted(items, key=lambda item: (item["service"], natural(item["id"])))


def _door(doors: Doors, item: Item) -> Door:
    return next(door for door in doors.services if door.service == item["service"])


def _named(doors: Doors, ids: list[str]) -> list[tuple[Door, str]]:
    """Each id in every service that holds it: two services may have set the same record aside."""
    return [(door, id_) for id_ in ids for door in _holders(doors, id_)]


def _holders(doors: Doors, id_: str) -> list[Door]:
    holders = []
    for door in doors.services:
        try:
            doors.get(door, _path(id_))
        except NotThere:
            continue
        holders.append(door)
    if not holders:
        raise CliError(f"{id_} is in no quarantine; `switchboard quarantine list` names what is there")
    return holders


def _path(id_: str, *more: str) -> str:
    return path_of("quarantine", id_, *more, keep="/")


def _replay(doors: Doors, dry_run: bool, why: str, door: Door, id_: str) -> Became:
    answer = doors.post(door, _path(id_, "replay"), dry_run=dry_run, why=why)
    why = answer["error"] or ""
    if dry_run:
        good = answer["would_be_replayed"]
        return Became(door.service, id_, good, "would be taken in" if good else "would stay", why)
    if not answer["replayed"]:
        return Became(door.service, id_, False, "stays in quarantine", why)
    return Became(door.service, id_, True, ", ".join(answer["outcomes"]) or "nothing to do")


def _dismiss(doors: Doors, dry_run: bool, why: str, door: Door, id_: str) -> Became:
    answer = doors.post(door, _path(id_, "dismiss"), dry_run=dry_run, why=why)
    good = answer["would_be_dismissed"] if dry_run else answer["dismissed"]
    became = ("would be dismissed" if dry_run else "dismissed") if good else "not dismissed"
    return Became(door.service, id_, good, became, answer["error"] or "")


def _print(body: Item) -> None:
    for name in ("service", "id", "status", "at", "source", "reason", "error", "key"):
        typer.echo(f"{name:<8} {_readable(body[name])}")
    for name, value in body["headers"]:
        typer.echo(f"header   {_readable(name)}: {_readable(value)}")
    typer.echo(f"value\n{_readable(body['value'])}\n")


def _readable(raw: Any) -> str:
    """Text as it is, bytes that are no text as hex, nothing as a dash."""
    if isinstance(raw, dict):
        return f"hex {raw['hex']}"
    return "-" if raw is None else str(raw)
