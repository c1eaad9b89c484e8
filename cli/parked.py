from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated

import typer

from cli.doors import Became, Door, Doors, Item, Pace, Work, agree, natural, path_of, table
from cli.errors import CliError
from cli.quarantine import After, AsJson, Before, Service, Why

app = typer.Typer(
    no_args_is_help=True,
    help="Keys that stand still: parked after an error of ours, or waiting for an event that has not come.",
)
COLUMNS = ("service", "key", "in", "since", "waiting", "why")

Keys = Annotated[list[str] | None, typer.Argument(metavar="[KEY]...", help="Case or agent ids, as `list` names them.")]
Reason = Annotated[str | None, typer.Option(help="Whose reason holds these words.")]
Source = Annotated[str | None, typer.Option(help="In which a record from this sender or service waits.")]
Every = Annotated[bool, typer.Option("--all", help="All that stand still.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would become of each; change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Expect = Annotated[
    str | None, typer.Option(metavar="WHAT", help="Give up this only, as --dry-run names it: 'cases.v1 49 to 50'.")
]
Rate = Annotated[float | None, typer.Option(min=0.01, help="Keys per second. Default: as fast as it goes.")]


@app.command("list")
def list_(
    service: Service = None,
    reason: Reason = None,
    source: Source = None,
    after: After = None,
    before: Before = None,
    as_json: AsJson = False,
) -> None:
    """Which keys stand still, since when and why."""
    found = _found(Doors(service), reason, source, after, before)
    rows = found if as_json else [{**item, "waiting": len(item["waiting"])} for item in found]
    table(rows, COLUMNS, as_json)


@app.command()
def replay(
    keys: Keys = None,
    service: Service = None,
    reason: Reason = None,
    source: Source = None,
    after: After = None,
    before: Before = None,
    every: Every = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    rate: Rate = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Try keys again, with all that waits behind them in order. Exit code 0 only if all flow again."""
    doors = Doors(service)
    asked = _asked(doors, keys, every, (reason, source, after, before))
    if not dry_run:
        agree(len(asked), f"Replay {len(asked)} keys?", yes)
    step = _rehearse if dry_run else partial(_replay, why)
    _work(doors, asked, step, Pace(rate), "replayable" if dry_run else "replayed", as_json)


@app.command()
def skip(
    keys: Keys = None,
    service: Service = None,
    reason: Reason = None,
    source: Source = None,
    after: After = None,
    before: Before = None,
    every: Every = False,
    expect: Expect = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    rate: Rate = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Give up what is first in the way of each key, for good; then go on with the rest: a record, or a gap.

    A gap younger than a minute is refused: it may still close. What was given up stands in the audit trail.
    Exit code 0 only if all flow again; one key may have to be skipped several times.
    """
    doors = Doors(service)
    asked = _asked(doors, keys, every, (reason, source, after, before))
    if not (why or dry_run):
        raise CliError("what is given up for good wants a reason: --why 'its writer is gone'; or --dry-run to look")
    if not dry_run:
        agree(len(asked), _question(asked), yes, freely=0)
    step = partial(_if_first, expect, _would_skip if dry_run else partial(_skip, why))
    _work(doors, asked, step, Pace(rate), "skippable" if dry_run else "flowing", as_json)


Filters = tuple[str | None, str | None, datetime | None, datetime | None]
Step = Callable[[Doors, Door, Item], Became]


def _asked(doors: Doors, keys: list[str] | None, every: bool, filters: Filters) -> list[Item]:
    if bool(keys) + every + any(filters) != 1:
        raise CliError("say which: keys, a filter such as --reason, or --all; only one of these")
    found = _found(doors, *filters)
    if not keys:
        return found
    if strange := [key for key in keys if all(item["key"] != key for item in found)]:
        raise CliError(f"{', '.join(strange)} does not stand still; `switchboard parked list` names what does")
    return [item for item in found if item["key"] in keys]


def _found(
    doors: Doors, reason: str | None, source: str | None, after: datetime | None, before: datetime | None
) -> list[Item]:
    items = [_told(item) for door in doors.services for item in doors.all(door, "/v1/parked")]
    return sorted(
        (
            item
            for item in items
            if (reason is None or reason in item["why"])
            and (source is None or any(waiting["source"].endswith(source) for waiting in item["waiting"]))
            and (after is None or datetime.fromisoformat(item["since"]) >= after)
            and (before is None or datetime.fromisoformat(item["since"]) < before)
        ),
        key=lambda item: (item["service"], natural(item["key"])),
    )


def _told(item: Item) -> Item:
    first = [waiting["since"] for waiting in item["waiting"]]
    since = item["parked"]["since"] if item["parked"] else min(first)
    return {**item, "since": since, "why": item["parked"]["error"] if item["parked"] else _gap(item)}


def _gap(item: Item) -> str:
    """Which events have to come first."""
    if blocker := item["blocked_by"]:
        return f"{_lost(blocker)} has not come"
    return f"{item['waiting'][0]['type']} waits for its turn"


def _work(doors: Doors, asked: list[Item], step: Step, pace: Pace, verb: str, as_json: bool) -> None:
    work = Work(pace)
    by_name = {door.service: door for door in doors.services}
    for item in asked:
        door = by_name[item["service"]]
        work.do(door.service, item["key"], partial(step, doors, door, item))
    work.tell(verb, as_json)


def _replay(why: str, doors: Doors, door: Door, item: Item) -> Became:
    return _after(door, item, doors.post(door, path_of("parked", item["key"], "replay"), why=why))


def _skip(why: str, doors: Doors, door: Door, item: Item) -> Became:
    named = {**item["blocked_by"], "why": why}
    return _after(door, item, doors.post(door, path_of("parked", item["key"], "skip"), **named))


def _after(door: Door, item: Item, answer: Item) -> Became:
    if answer["parked"] or answer["waiting"]:
        return Became(door.service, item["key"], False, "stands still", _told(answer)["why"])
    return Became(door.service, item["key"], True, "flows", _timer(answer))


def _rehearse(doors: Doors, door: Door, item: Item) -> Became:
    answer = doors.post(door, path_of("parked", item["key"], "replay"), dry_run=True)
    good = answer["would_flow"]
    became = "would flow" if good else "would stand still"
    return Became(door.service, item["key"], good, became, answer["error"] or _timer(answer))


def _timer(answer: Item) -> str:
    return "its timer is tried next; if it fails again, the key stands again" if answer["timer_next"] else ""


def _would_skip(doors: Doors, door: Door, item: Item) -> Became:
    answer = doors.post(door, path_of("parked", item["key"], "skip"), dry_run=True)
    lost = "would lose " + (", ".join(map(_lost, answer["lost"])) or "nothing")
    then = _timer(answer) if answer["would_flow"] else "would still stand"
    return Became(door.service, item["key"], True, lost, then)


def _if_first(expect: str | None, step: Step, doors: Doors, door: Door, item: Item) -> Became:
    """The step, unless something else would be lost than is expected."""
    if expect in (None, _first(item)):
        return step(doors, door, item)
    return Became(door.service, item["key"], False, "refused", f"first in its way is {_first(item)}, not {expect}")


def _question(asked: list[Item]) -> str:
    if len(asked) == 1:
        return f"On {asked[0]['key']}, give up {_first(asked[0])} for good?"
    return f"Give up what is first in the way of {len(asked)} keys for good?"


def _first(item: Item) -> str:
    """What a skip would give up, in the words in which it is told what was lost."""
    blocker = item["blocked_by"]
    if "event" not in blocker:
        return _lost(blocker) if blocker else "nothing"
    waiting = item["waiting"][0]
    return _lost({**waiting, "number": waiting["sequence"]})


def _lost(lost: Item) -> str:
    """`number.added 1 of numbers.v1`, or `numbers.v1 2 to 5` for a gap."""
    if "type" in lost:
        return f"{lost['type']} {lost['number'] or lost['id']} of {lost['topic']}"
    until = f" to {lost['last']}" if lost["last"] > lost["first"] else ""
    return f"{lost['topic']} {lost['first']}{until}"
