"""A customer system that is an export: a JSON file, or a directory of CSV files; read again when it changes.

    customers    id, tier, phone, email, app_id, social, entitlements (CSV: `warranty:2027-05-01:SN1;priority`)
    orders       order, customer, and what else is true of it (device_model, serial)
    devices      serial, customer, device_model, ...
    accounts     account, customer, ...

Errors:
    LookUpError    the file can't be used; the message names file and line
"""

import asyncio
import csv
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from services.intake.domain.found import Entitlement, Found, KnownCustomer, KnownFact
from services.intake.lookup.look import Query

log = logging.getLogger(__name__)
TABLES = {"orders": "order", "devices": "serial", "accounts": "account"}
"""Where each fact is looked up."""
LOOK_AGAIN_S = 1.0
POINTS = ("phone", "email", "app_id", "social")
Row = Mapping[str, Any]
PointOf = Callable[[str, str], str]


class LookUpError(Exception):
    """An export that can't be read."""


@dataclass(slots=True)
class _Export:
    """`several`: points that more than one customer has; they tell nothing of whose they are."""

    customers: dict[str, KnownCustomer] = field(default_factory=dict)
    several: set[str] = field(default_factory=set)
    facts: dict[tuple[str, str], KnownFact] = field(default_factory=dict)

    def learn(self, point: str, customer: KnownCustomer) -> None:
        if self.customers.get(point, customer).id != customer.id:
            self.several.add(point)
        self.customers[point] = customer

    def customer_at(self, point: str) -> KnownCustomer | None:
        return None if point in self.several else self.customers.get(point)


class FileLookUp:
    """`point_of(kind, value)` writes a contact point as we do ("" for what is none)."""

    def __init__(self, path: Path, point_of: PointOf) -> None:
        """Raises LookUpError."""
        self._path, self._point_of = path, point_of
        self.steady = time.monotonic
        self._stamp, self._looked_at = _stamp(path), self.steady()
        self._export = _read(path, point_of)

    async def look(self, query: Query) -> Found | None:
        await self._refresh()
        export = self._export
        meant = {one.id: one for point in query.points if (one := export.customer_at(point))}
        customer = next(iter(meant.values())) if len(meant) == 1 else None
        asked = {name: value for name, value in query.facts.items() if name in TABLES.values()}
        known = {name: export.facts.get((name, value.casefold())) for name, value in asked.items()}
        return Found(source="file", customer=customer, facts=known)

    async def _refresh(self) -> None:
        """A changed export is taken at once; one that can't be used is named, and the last good one stays."""
        if self.steady() < self._looked_at + LOOK_AGAIN_S:
            return
        self._looked_at, before, self._stamp = self.steady(), self._stamp, _stamp(self._path)
        if self._stamp == before:
            return
        try:
            self._export = await asyncio.to_thread(_read, self._path, self._point_of)
        except LookUpError as error:
            log.error("a changed customer export is refused, the last good one stays: %s", error)


def _stamp(path: Path) -> tuple[tuple[str, int, int], ...]:
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    seen = [(str(file), file.stat()) for file in files if file.exists()]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in seen)


def _read(path: Path, point_of: PointOf) -> _Export:
    export = _Export()
    try:
        for place, table, row in _rows(path):
            try:
                _take(export, table, row, point_of)
            except (ValidationError, KeyError, ValueError, AttributeError) as error:
                raise LookUpError(f"{place}: {_plainly(error)}") from None
    except (OSError, UnicodeDecodeError, orjson.JSONDecodeError, csv.Error) as error:
        raise LookUpError(f"{path}: {error}") from None
    return export


def _rows(path: Path) -> Iterable[tuple[str, str, Row]]:
    if path.is_dir():
        for file in sorted(path.glob("*.csv")):
            with file.open(encoding="utf-8-sig", newline="") as lines:
                for number, row in enumerate(csv.DictReader(lines), start=2):
                    yield f"{file}:{number}", file.stem, row
        return
    tables = orjson.loads(path.read_bytes())
    if not isinstance(tables, dict) or not all(isinstance(rows, list) for rows in tables.values()):
        raise LookUpError(f"{path}: an object with lists of customers, orders, devices, accounts is wanted")
    for table, rows in tables.items():
        for number, row in enumerate(rows):
            yield f"{path}: {table}[{number}]", table, row


def _take(export: _Export, table: str, row: Row, point_of: PointOf) -> None:
    row = {name: value for name, value in row.items() if value not in (None, "")}
    if table == "customers":
        customer = KnownCustomer(
            id=str(row["id"]), tier=row.get("tier"), entitlements=_entitlements(row.get("entitlements", ()))
        )
        for kind in POINTS:
            if kind in row and (point := point_of(kind, str(row[kind]))):
                export.learn(point, customer)
    elif fact := TABLES.get(table):
        others = {name: str(value) for name, value in row.items() if name not in (fact, "customer")}
        owner = str(row["customer"]) if "customer" in row else None
        export.facts[fact, str(row[fact]).casefold()] = KnownFact(customer=owner, facts=others)
    else:
        raise ValueError(f"there is no table {table}; there are customers, {', '.join(TABLES)}")


def _entitlements(said: Any) -> tuple[Entitlement, ...]:
    """Of JSON a list of objects; of CSV `name:until:of`, divided by semicolons."""
    if isinstance(said, str):
        parts = [one.strip().split(":") for one in said.split(";") if one.strip()]
        names = ("name", "until", "of")
        said = [{name: value for name, value in zip(names, part, strict=False) if value} for part in parts]
    if not isinstance(said, list | tuple):
        raise ValueError("entitlements: a list is wanted")
    return tuple(Entitlement.model_validate(one) for one in said)


def _plainly(error: Exception) -> str:
    """Which column is at fault, without what stands in it."""
    if isinstance(error, ValidationError):
        fault = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
    return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
