"""Which service reads and which writes which topic, drawn from the code: the page docs/flow.md.

Read is what a service's wiring subscribes to. Written is what its decisions give out: the event models that a module
of its `domain` uses in an expression, not only as the type of what it is given; what an HTTP door writes down beside
its effect (`inbound_record`); and the service's own topic of hints.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.services import SERVICES
from shared.events.schemas import CHANNELS, Channel, models
from shared.kafka import producer_of
from shared.metrics import Metrics
from shared.mongo import connect
from shared.service import Core, Parts

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "flow.md"
INTAKE = Path(__file__).with_name("flow_intake.mmd")
"""Drawn by hand; a test looks for each file that it names."""
NOWHERE = {
    "kafka": "nowhere:9092", "mongo": "mongodb://nowhere", "keys": "nowhere", "outbox": "nowhere",
    "public_url": "http://nowhere.example",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flow:
    """Topics by service; a family of topics is one (`escalations.{department}.v1`)."""

    reads: Mapping[str, tuple[str, ...]]
    writes: Mapping[str, tuple[str, ...]]
    records: Mapping[str, tuple[str, ...]]
    """What its HTTP doors write down, so that a topic for outsiders holds everything that was said."""
    hints: Mapping[str, tuple[str, ...]]
    """Topics of its own, on which its replicas only wake each other."""
    watches: Mapping[str, tuple[tuple[str, str], ...]]
    """For which pairs of topic and reader it counts what is not applied."""


def flow() -> Flow:
    parts = {name: _parts(name) for name in SERVICES}
    return Flow(
        reads={name: _families(part.doors) for name, part in parts.items()},
        writes={name: _families(_given_out(name)) for name in SERVICES},
        records={name: _families(_written_down(name)) for name in SERVICES},
        hints={name: tuple(part.signals) for name, part in parts.items()},
        watches={name: _watched(part) for name, part in parts.items()},
    )


def _parts(name: str) -> Parts:
    """A service's wiring, connected to nothing."""
    app = importlib.import_module(f"services.{name}.app")
    given = app.Settings.model_validate(NOWHERE)
    database = connect(given.mongo)[name]
    wired: Parts = app.assemble(Core(name, given, database, producer_of(given), Metrics(name)))
    return wired


def _watched(part: Parts) -> tuple[tuple[str, str], ...]:
    readers = sorted({reader for those in part.readers.values() for reader in those})
    topics = {reader: [topic for topic, those in part.readers.items() if reader in those] for reader in readers}
    return tuple((family, reader) for reader in readers for family in _families(topics[reader]))


def _families(topics: Iterable[str]) -> tuple[str, ...]:
    family = {topic: name for name, channel in CHANNELS.items() for topic in channel.topics(name)}
    return tuple(sorted({family.get(topic, topic) for topic in topics}))


def _given_out(service: str) -> set[str]:
    events = {model.__name__: model.TOPIC for model in models().values()}
    used = {name for file in _files(service, "domain") for name in _in_expressions(ast.parse(file.read_text()))}
    return {events[name] for name in used & events.keys() if not CHANNELS[events[name]].outsiders}


def _written_down(service: str) -> set[str]:
    """Whose door calls `inbound_record`, and for which models it could be: those of outsiders' topics that it reads."""
    source = "\n".join(file.read_text() for file in _files(service, "."))
    if "inbound_record(" not in source:
        return set()
    used = set(_in_expressions(ast.parse((ROOT / "services" / service / "api.py").read_text())))
    return {m.TOPIC for m in models().values() if m.__name__ in used and CHANNELS[m.TOPIC].outsiders}


def _files(service: str, room: str) -> list[Path]:
    return sorted((ROOT / "services" / service / room).glob("*.py"))


def _in_expressions(tree: ast.AST) -> Iterator[str]:
    """Names that are used as values, not only to say of which type something is."""
    for name, value in ast.iter_fields(tree):
        for child in () if name in ("annotation", "returns", "keys") else value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _speaks_of_types(child):
                if isinstance(child, ast.Name):
                    yield child.id
                yield from _in_expressions(child)


def _speaks_of_types(node: ast.AST) -> bool:
    """A pattern, a question (`isinstance`), a union."""
    match node:
        case ast.MatchClass() | ast.BinOp(op=ast.BitOr()) | ast.Call(func=ast.Name(id="isinstance")):
            return True
    return False


def page() -> str:
    """The text of docs/flow.md; the same code gives the same text."""
    drawn = flow()
    picture, table = "\n".join(_picture(drawn)), "\n".join(_table(drawn))
    return _PAGE.format(picture=picture, table=table, hints=_hints(drawn), intake=INTAKE.read_text("utf-8").rstrip())


_PAGE = """\
# How events flow

Drawn from the code by `switchboard contracts flow docs/flow.md`; a test fails when this page is stale. Boxes are
services, rounded ones are people and systems outside. An arrow leads from who writes a topic to who reads it. Services
share nothing else: what one needs to know of another it learns from these topics.

```mermaid
{picture}
```

{table}

¹ also by its HTTP doors, which decide like its Kafka door and write the record down beside the effect; its own consumer
then finds it to be a repeat.

Every topic that is read has a `<topic>.dlq` beside it, to which what was set aside is copied.
{hints}
What travels on each topic: [contracts](contracts/asyncapi.yaml).

## Inside intake

Drawn by hand: what becomes of a contact, and what goes on beside it. The files lie in
[services/intake](../services/intake).

```mermaid
{intake}
```
"""
OUTSIDE = {
    "contacts.v1": ("channels", "channel systems"),
    "agents.v1": ("workforce", "workforce tools"),
    "work.v1": ("desktops", "agent desktops"),
    "escalation-replies.v1": ("departments", "departments"),
}
LISTENING = {"escalations.{department}.v1": ("departments", "departments")}


def _picture(drawn: Flow) -> Iterator[str]:
    yield "flowchart LR"
    for id_, words in sorted({*OUTSIDE.values(), *LISTENING.values()}):
        yield f"  {id_}([{words}])"
    for name in SERVICES:
        yield f"  {name}[{name}]"
    for arrow, topics in sorted(_arrows(drawn).items()):
        yield f'  {arrow[0]} -- "{"<br/>".join(sorted(topics))}" --> {arrow[1]}'


def _arrows(drawn: Flow) -> dict[tuple[str, str], set[str]]:
    arrows: dict[tuple[str, str], set[str]] = {}
    for reader, topics in drawn.reads.items():
        for topic in topics:
            for writer in _writers(drawn, topic):
                if writer != reader:
                    arrows.setdefault((writer, reader), set()).add(topic)
    for topic, (id_, _) in LISTENING.items():
        for writer in _writers(drawn, topic):
            arrows.setdefault((writer, id_), set()).add(topic)
    return arrows


def _writers(drawn: Flow, topic: str) -> list[str]:
    ours = [name for name, topics in drawn.writes.items() if topic in topics]
    return [*ours, OUTSIDE[topic][0]] if topic in OUTSIDE else ours


def _table(drawn: Flow) -> Iterator[str]:
    yield "| topic | key | written by | read by |"
    yield "| --- | --- | --- | --- |"
    for topic, channel in CHANNELS.items():
        writers, readers = _cell(_writing(drawn, topic, channel)), _cell(_reading(drawn, topic))
        yield f"| `{topic}` | {channel.key} | {writers} | {readers} |"


def _writing(drawn: Flow, topic: str, channel: Channel) -> list[str]:
    outside = [OUTSIDE[topic][1]] if channel.outsiders else []
    ours = [name for name, topics in drawn.writes.items() if topic in topics]
    return [*outside, *ours, *(f"{name}¹" for name, topics in drawn.records.items() if topic in topics)]


def _reading(drawn: Flow, topic: str) -> list[str]:
    outside = [LISTENING[topic][1]] if topic in LISTENING else []
    return [*(name for name, topics in drawn.reads.items() if topic in topics), *outside]


def _hints(drawn: Flow) -> str:
    own = [
        f"On `{topic}` the replicas of {name} only wake each other." for name, ts in drawn.hints.items() for topic in ts
    ]
    return " ".join(own)


def _cell(names: list[str]) -> str:
    return ", ".join(names) or "nobody yet"
