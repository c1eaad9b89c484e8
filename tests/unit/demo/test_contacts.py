"""The shipped contacts are what demo/README.md says of them (IN-1)."""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from shared.events.contacts import MAX_RECORD_BYTES, Contact

DEMO = Path(__file__).parents[3] / "demo"
LINES = (DEMO / "contacts.jsonl").read_bytes().splitlines()
RECORDS: list[dict[str, Any]] = [json.loads(line) for line in LINES]
FIRST = list({(r["source"], r["id"]): r for r in reversed(RECORDS) if r.get("revision", 1) == 1}.values())
POINTS = ("phone", "email", "app_id", "social")


def customer(record: dict[str, Any]) -> dict[str, Any]:
    return record.get("customer") or {}


def stated() -> dict[str, int]:
    rows = re.findall(r"^\| ([^|]+?) \| (\d+) \|$", (DEMO / "README.md").read_text(), re.MULTILINE)
    return {what: int(count) for what, count in rows}


def repeats() -> int:
    return len(RECORDS) - len({json.dumps(record, sort_keys=True) for record in RECORDS})


def several_contact_points() -> int:
    known: defaultdict[str, set[str]] = defaultdict(set)
    for one in map(customer, FIRST):
        if one.get("name"):
            known[one["name"]] |= {point for point in POINTS if one.get(point)}
    return sum(len(points) > 1 for points in known.values())


def counted() -> dict[str, int]:
    languages = Counter(customer(record).get("language") for record in FIRST)
    talks = Counter((r["source"], r["conversation"]) for r in FIRST if r.get("conversation"))
    return {
        "records": len(RECORDS),
        "contacts (a source and an id)": len({(r["source"], r["id"]) for r in RECORDS}),
        "repeats, the very same record again": repeats(),
        "amendments, a higher revision: recordings and edited posts": sum(r.get("revision", 1) > 1 for r in RECORDS),
        "in Chinese": languages["zh"],
        "in English": languages["en"],
        "in Spanish": languages["es"],
        "with no language told": languages[None],
        "conversations of two and more contacts": sum(count > 1 for count in talks.values()),
        "named customers known by several contact points": several_contact_points(),
        "with attachments": sum(bool(r.get("attachments")) for r in FIRST),
        "with a rating": sum(r.get("rating") is not None for r in FIRST),
        "with diagnostics": sum(bool(r.get("diagnostics")) for r in FIRST),
        "with a reading of the voice": sum(bool(r.get("voice")) for r in FIRST),
        "with no customer at all": sum("customer" not in r for r in FIRST),
        "with no time": sum("occurred_at" not in r for r in FIRST),
        "with no text": sum("text" not in r for r in FIRST),
    }


def test_the_readme_counts_what_the_file_holds() -> None:
    assert stated() == counted()


def test_the_readme_counts_the_channels() -> None:
    rows = [line.strip("| ").split(" | ") for line in (DEMO / "README.md").read_text().splitlines()]
    names = next(row[1:] for row in rows if row[0] == "channel")
    counts = next(row[1:] for row in rows if row[0] == "contacts")
    assert dict(zip(names, map(int, counts), strict=True)) == Counter(record["channel"] for record in FIRST)


def test_every_record_keeps_the_contract() -> None:
    for line, record in zip(LINES, RECORDS, strict=True):
        assert len(line) <= MAX_RECORD_BYTES
        assert Contact.model_validate(record).source == record["source"]


def test_no_two_contacts_say_the_same() -> None:
    texts = Counter(record["text"] for record in FIRST if "text" in record)
    assert [text for text, count in texts.items() if count > 1] == []


def test_an_amendment_comes_after_what_it_amends_and_says_something_new() -> None:
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    for record in RECORDS:
        identity = record["source"], record["id"]
        if record.get("revision", 1) > 1:
            assert {**record, "revision": 1} != {**seen[identity], "revision": 1}
        seen[identity] = record


def test_a_revision_is_the_same_record_wherever_it_comes_again() -> None:
    contents: defaultdict[tuple[str, str, int], set[str]] = defaultdict(set)
    for record in RECORDS:
        contents[record["source"], record["id"], record.get("revision", 1)].add(json.dumps(record, sort_keys=True))
    assert {len(of_one) for of_one in contents.values()} == {1}


def test_IN_14_an_outage_brings_26_alike_contacts_within_minutes() -> None:
    failing = ("崩", "瘫痪", "无法使用", "款", "收不了钱", "付不了钱", "打不开", "失败", "无法登录", "进不去")
    then = [r for r in FIRST if "2026-11-22T05:30" <= r.get("occurred_at", "") < "2026-11-22T05:37"]
    assert [r["text"] for r in then if not any(word in r["text"] for word in failing)] == []
    assert len(then) == 26
