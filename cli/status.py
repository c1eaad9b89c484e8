from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.addresses import find
from cli.doors import Door, addresses_of
from cli.errors import NotRunning
from deploy.local.services import SERVICES

if TYPE_CHECKING:
    from cli.remedies import Ailment
    from cli.signs import Health, Place, Signs

NOT_WELL, CANNOT_TELL = 1, 2
WORST = 3
EVERY_S = 2.0
COLUMNS = (
    ("held", "events_held"), ("gaps", "gaps_open"), ("parked", "parked_keys"), ("quarantine", "quarantine_depth"),
    ("outbox", "outbox_pending"), ("oldest", "outbox_oldest_seconds"), ("timers", "timers_pending"),
    ("overdue", "timers_overdue"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picture:
    """How all services are at one moment."""

    services: list[Health]
    ailments: list[Ailment]

    @property
    def code(self) -> int:
        """0: all is well. 1: something is not. 2: nobody answers, so nothing is known."""
        if not any(signs.alive for health in self.services for signs in health.replicas):
            return CANNOT_TELL
        return NOT_WELL if self.ailments else 0


def status(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every two seconds, until Ctrl-C.")] = False,
) -> None:
    """One screen: how every service is, and what to do about what is not well.

    Exit code 0: all is well. 1: something is not. 2: cannot tell, because no service answers.
    """
    console = Console(highlight=False, markup=False)
    if watch and not as_json:
        _watch(console)
        return
    picture = take()
    if as_json:
        typer.echo(orjson.dumps(as_items(picture), option=orjson.OPT_INDENT_2).decode())
    else:
        wide = console if console.is_terminal else Console(width=200, highlight=False, markup=False)
        wide.print(screen(picture))
    raise typer.Exit(picture.code)


def take() -> Picture:
    """Asks every service whose address is known."""
    from cli.remedies import ailments
    from cli.signs import read
    from shared.topics import specs

    doors = [Door(name, address) for name in SERVICES for address in _known(name)]
    services = read(SERVICES, doors, _key())
    expected = {spec.name: spec.partitions for spec in specs()}
    return Picture(services, [ailment for health in services for ailment in ailments(health, expected)])


def _known(name: str) -> list[str]:
    try:
        return addresses_of(name)
    except NotRunning:
        return []


def _key() -> str | None:
    try:
        return find("SWITCHBOARD_KEY")
    except NotRunning:
        return None


def _watch(console: Console) -> None:
    with Live(screen(take()), console=console, screen=console.is_terminal, auto_refresh=False) as live:
        try:
            while True:
                time.sleep(EVERY_S)
                live.update(screen(take()), refresh=True)
        except KeyboardInterrupt:
            return


def screen(picture: Picture) -> RenderableType:
    """The services, where records wait, and what to do."""
    parts: list[RenderableType] = [_services(picture.services)]
    if rows := [row for health in picture.services for row in _lags(health)]:
        parts += [Text(), _table(("service", "topic", "waiting", "most of it on"), rows)]
    parts += [Text(), *_remedies(picture)]
    return Group(*parts)


def _services(services: Sequence[Health]) -> Table:
    heads = (
        "service",
        "address",
        "state",
        "version",
        "lag",
        "unseen",
        *(head for head, _ in COLUMNS),
        "stopped",
        "clock",
    )
    return _table(heads, [row for health in services for row in _rows(health)])


def _rows(health: Health) -> list[list[str | Text]]:
    """One line per replica; what lies in the store they share stands on the first."""
    if not health.replicas:
        return [[health.service, "not known", Text("?", "yellow")]]
    rows: list[list[str | Text]] = []
    for signs in health.replicas:
        figures = _figures(health) if not rows else []
        rows.append([health.service, signs.door.address, _state(signs), signs.figures.version, *figures])
    return rows


def _state(signs: Signs) -> Text:
    if not signs.alive:
        return Text("no answer", "bold red")
    return Text("ready", "green") if signs.ready else Text("not ready", "bold red")


def _figures(health: Health) -> list[str | Text]:
    if not any(signs.alive for signs in health.replicas):
        return []
    shown: list[str | Text] = [f"{sum(figures.values()):,}" for figures in (health.lag, health.unseen)]
    shown += [_number(health.gauge(name)) for _, name in COLUMNS]
    skew = health.skew
    return [*shown, str(health.partitions_stopped), "-" if skew is None else f"{skew:+.2f} s"]


def _number(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:,.0f}"


def _lags(health: Health) -> list[list[str]]:
    """Per topic on which records wait: how many, and the partitions with the most."""
    lag = health.lag
    totals = Counter[str]()
    for (topic, _), records in lag.items():
        totals[topic] += records
    return [
        [health.service, topic, f"{total:,}", ", ".join(_worst(lag, topic))]
        for topic, total in totals.most_common()
        if total
    ]


def _worst(lag: dict[Place, int], topic: str) -> list[str]:
    of_topic = sorted(((n, number) for (name, number), n in lag.items() if name == topic and n), reverse=True)
    return [f"{number}: {records:,}" for records, number in of_topic[:WORST]]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _remedies(picture: Picture) -> list[RenderableType]:
    if not picture.ailments:
        return [Text("all is well", "green")]
    lines: list[RenderableType] = []
    for ailment in picture.ailments:
        lines.append(Text.assemble((f"{ailment.service}: ", "bold"), (ailment.what, "red")))
        lines.append(Text(f"    {ailment.remedy}"))
    return lines


def as_items(picture: Picture) -> dict[str, Any]:
    """The same for programs. `state`: well, not_well or unknown."""
    return {
        "state": ("well", "not_well", "unknown")[picture.code],
        "services": [_item(health) for health in picture.services],
        "to_do": [asdict(ailment) for ailment in picture.ailments],
    }


def _item(health: Health) -> dict[str, Any]:
    figures = {name: health.gauge(name) for _, name in COLUMNS}
    return {
        "service": health.service,
        "replicas": [
            {"address": s.door.address, "alive": s.alive, "ready": s.ready, "why_not": s.why_not,
             "version": s.figures.version}
            for s in health.replicas
        ],
        "lag": [{"topic": topic, "partition": n, "records": m} for (topic, n), m in sorted(health.lag.items())],
        "unseen": [{"topic": topic, "reader": reader, "records": n} for (topic, reader), n in health.unseen.items()],
        "partitions_stopped": health.partitions_stopped,
        "clock_skew_seconds": health.skew,
        **figures,
    }  # fmt: skip
