"""Contacts that look like real ones and are all of different people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

SAMPLES = Path(__file__).resolve().parent.parent / "demo" / "contacts.jsonl"
Keyed = tuple[bytes, bytes]


def contacts(count: int, series: str, samples: Path = SAMPLES) -> Iterator[Keyed]:
    """Key and value of so many records: the sample texts in turn, each with an id and a customer of its own."""
    bases = [base for line in samples.read_bytes().splitlines() if (base := orjson.loads(line)).get("revision", 1) == 1]
    for number in range(count):
        contact = _another(bases[number % len(bases)], f"{series}-{number}", number)
        key = contact.get("conversation") or f"{contact['source']}:{contact['id']}"
        yield key.encode(), orjson.dumps(contact)


def _another(base: dict[str, Any], name: str, number: int) -> dict[str, Any]:
    own = {"phone": f"+861{30 + number % 70}{number:08d}", "email": f"{name}@example.com"}
    customer = {
        field: own.get(field, f"{value}-{name}" if field in ("app_id", "social") else value)
        for field, value in (base.get("customer") or {}).items()
        if value is not None
    }
    conversation = {"conversation": f"{base['conversation']}-{name}"} if base.get("conversation") else {}
    return {**base, "id": name, "customer": customer, **conversation}
