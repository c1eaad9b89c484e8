from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from cli.doors import Doors, moment, table
from cli.quarantine import AsJson, Service

app = typer.Typer(no_args_is_help=True, help="Who replayed, dismissed, skipped or resumed what, when and why.")
COLUMNS = ("at", "service", "by", "did", "what", "became", "why")

After = Annotated[
    datetime | None,
    typer.Option(parser=moment, metavar="TIME", help="Done from then on: 2026-11-22T08:00Z, or 8h for so long ago."),
]
Before = Annotated[
    datetime | None, typer.Option(parser=moment, metavar="TIME", help="Done before then: 2026-11-22T08:00Z or 8h.")
]


@app.command("list")
def list_(
    service: Service = None,
    by: Annotated[str | None, typer.Option(help="By this key's name.")] = None,
    did: Annotated[
        str | None, typer.Option(help="quarantine replay or dismiss, parked replay or skip, or partition resume.")
    ] = None,
    what: Annotated[str | None, typer.Option(help="To this record, key or partition.")] = None,
    after: After = None,
    before: Before = None,
    as_json: AsJson = False,
) -> None:
    """What operators did, in the order in which they did it. A step without `became` was cut short."""
    doors = Doors(service)
    times = {name: when and when.isoformat() for name, when in (("since", after), ("before", before))}
    lines = [
        line for door in doors.services for line in doors.all(door, "/v1/audit", by=by, did=did, what=what, **times)
    ]
    table(sorted(lines, key=lambda line: str(line["id"])), COLUMNS, as_json)
