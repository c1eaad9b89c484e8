"""The services' doors for operators, and how their answers are shown.

Errors:
    Unreachable (cli.errors)    nothing answers at a service's address
      NotKnown                  it does, but not to what it was asked to do; it may have done it
    CliError                    the service does not let this key in, or answers with a problem; the line says which
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.addresses import find
from cli.errors import CliError, NotKnown, Unfinished, Unreachable
from cli.keys import UNITS
from deploy.local.services import SERVICES

Item = dict[str, Any]
PAGE = 500
TIMEOUT_S = 30.0
NEVER_ASKED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True, order=True)
class Door:
    """One replica of a service: its name and its address."""

    service: str
    address: str


class Doors:
    """The doors of all services, or of the one that is named. An address may be a list, one per replica."""

    def __init__(self, service: str | None, *, timeout: float = TIMEOUT_S) -> None:
        if service is not None and service not in SERVICES:
            raise CliError(f"--service {service!r} is not one of {', '.join(SERVICES)}")
        names = [service] if service else list(SERVICES)
        self.replicas = [Door(name, address) for name in names for address in addresses_of(name)]
        self._client = httpx.Client(headers={"Authorization": f"Bearer {find('SWITCHBOARD_KEY')}"}, timeout=timeout)

    @property
    def services(self) -> list[Door]:
        """One replica of each: what lies in a service's store is the same for all of them."""
        return list({door.service: door for door in reversed(self.replicas)}.values())[::-1]

    @property
    def by_service(self) -> list[list[Door]]:
        return [list(doors) for _, doors in groupby(self.replicas, lambda door: door.service)]

    def get(self, door: Door, path: str, **params: Any) -> Any:
        return self._ask("GET", door, path, params)

    def post(self, door: Door, path: str, **params: Any) -> Any:
        return self._ask("POST", door, path, params)

    def all(self, door: Door, path: str, **params: Any) -> Iterator[Item]:
        """The items of every page, each with the name of its service."""
        after = ""
        while after is not None:
            page = self.get(door, path, limit=PAGE, after=after, **params)
            for item in page["items"]:
                yield {"service": door.service, **item}
            after = page["next"]

    def _ask(self, method: str, door: Door, path: str, params: dict[str, Any]) -> Any:
        said = {name: value for name, value in params.items() if value is not None}
        try:
            answer = self._client.request(method, door.address + path, params=said)
        except httpx.TransportError as error:
            may_be_done = method == "POST" and not said.get("dry_run") and not isinstance(error, NEVER_ASKED)
            raise (NotKnown if may_be_done else Unreachable)(door.service, door.address, error) from error
        if answer.is_success:
            return answer.json()
        raise _refusal(door, answer)


def addresses_of(name: str) -> list[str]:
    """Where the replicas of a service are. Raises NotRunning."""
    return [address.strip().rstrip("/") for address in find(f"{name.upper()}_URL").split(",")]


class NotThere(CliError):
    """The service holds nothing under this id."""


def _refusal(door: Door, answer: httpx.Response) -> CliError:
    problem = answer.json() if answer.headers.get("content-type", "").startswith("application/problem+json") else {}
    detail = problem.get("detail") or answer.text[:300]
    if answer.status_code in (401, 403):
        help_ = "set SWITCHBOARD_KEY to a key of a supervisor or admin (`switchboard keys create NAME --role admin`)"
        return CliError(f"{door.service} at {door.address}: {detail}; {help_}")
    kind = NotThere if answer.status_code == 404 else CliError
    return kind(f"{door.service} at {door.address}: {detail}")


def path_of(*parts: object, keep: str = "") -> str:
    """`/v1/parked/<key>`, with the parts made safe for an address but for the characters to keep."""
    return "/v1/" + "/".join(quote(str(part), safe=keep) for part in parts)


def moment(text: str, now: datetime | None = None) -> datetime:
    """A moment with its zone, or how long ago: `2026-11-22T08:00Z`, `90m`, `8h`, `7d`. Raises typer.BadParameter."""
    if found := re.fullmatch(r"(\d+)([mhdw])", text):
        return (now or datetime.now(UTC)) - timedelta(**{UNITS[found[2]]: int(found[1])})
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        raise typer.BadParameter(f"{text!r} is no moment; write 2026-11-22T08:00Z, or how long ago: 90m, 8h, 7d")
    return read


class Pace:
    """Not more than `rate` steps a second; None: as fast as it goes."""

    def __init__(
        self,
        rate: float | None,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap, self._clock, self._wait = 1 / rate if rate else 0.0, clock, wait
        self._next = clock()

    def step(self) -> None:
        if (early := self._next - self._clock()) > 0:
            self._wait(early)
        self._next = max(self._next, self._clock()) + self._gap


def agree(count: int, question: str, yes: bool, *, freely: int = 1) -> None:
    """Ask before more than `freely` are touched. Where nobody can be asked, --yes has to have said it."""
    if yes or count <= freely:
        return
    if not sys.stdin.isatty():
        raise CliError(f"{question} Nobody is there to be asked: say --yes, or --dry-run to see what would happen")
    typer.confirm(question, abort=True, err=True)


@dataclass(frozen=True, slots=True)
class Became:
    """What became of one thing that was asked for, and why not if not."""

    service: str
    what: str
    done: bool
    became: str
    why: str = ""


@dataclass(slots=True)
class Work:
    """The same step for one thing after the other. Where a service is away, the rest of its things is not tried."""

    pace: Pace
    results: list[Became] = field(default_factory=list)
    _away: dict[str, Unreachable] = field(default_factory=dict)

    def do(self, service: str, what: str, step: Callable[[], Became]) -> None:
        if service in self._away:
            self.results.append(Became(service, what, False, "not tried", str(self._away[service])))
            return
        self.pace.step()
        try:
            self.results.append(step())
        except Unreachable as error:
            self._away[service] = error
            became = "not known" if isinstance(error, NotKnown) else "not tried"
            self.results.append(Became(service, what, False, became, str(error)))
        except CliError as error:
            self.results.append(Became(service, what, False, "refused", str(error)))

    def tell(self, verb: str, as_json: bool) -> None:
        """Show what became of each; raises Unfinished unless all was done."""
        table([asdict(result) for result in self.results], ("service", "what", "became", "why"), as_json)
        if missed := sum(not result.done for result in self.results):
            raise Unfinished(f"{missed} of {len(self.results)} not {verb}")


def table(rows: Sequence[Item], columns: Sequence[str], as_json: bool) -> None:
    """The rows as a table, each cell whole, or all they hold as JSON."""
    if as_json:
        typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
        return
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(_cell(row.get(column))) for column in columns))
    Console(width=None if sys.stdout.isatty() else 200, highlight=False, markup=False).print(shown)


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return "" if value is None else str(value)


def natural(text: str) -> list[tuple[int, int | str]]:
    """A sort key by which contacts.v1/2/9 comes before contacts.v1/2/10."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", text) if part]
