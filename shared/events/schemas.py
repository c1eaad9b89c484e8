"""The contracts as files: a JSON Schema (2020-12) per event type and one AsyncAPI 3.0 document, drawn from the models.

    export(directory)            writes <directory>/schemas/<type>.json and <directory>/asyncapi.yaml
    check(directory)             problems of what is published there, against the models
    personal_fields(model)       where a model holds what must be hidden or erased

Errors:
    Incompatible    the models no longer keep what is published in the directory; nothing was written
"""

import importlib
import json
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

import shared.events
from shared.events.base import EventData
from shared.events.compatibility import breaks, fields
from shared.events.escalations import DEPARTMENTS
from shared.topics import specs

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FORMAT = "application/schema+json;version=draft-2020-12"
ASYNCAPI = "asyncapi.yaml"
SCHEMAS = "schemas"


class Incompatible(Exception):
    """A published contract may only grow; `problems` says where this one does not, a line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Channel:
    """What the models do not say of a topic: who writes it, what its records are keyed by, what it is for.

    `parameters`: the names in braces of a family of topics, and the values that they take. `coming`: it is read
    already, and its writer begins with a later release.
    """

    key: str
    about: str
    ours: bool = True
    outsiders: bool = False
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    coming: bool = False

    def topics(self, name: str) -> list[str]:
        """The topics of a family, or the one."""
        names = [name]
        for parameter, values in self.parameters.items():
            names = [each.replace(f"{{{parameter}}}", value) for each in names for value in values]
        return names


CHANNELS: Mapping[str, Channel] = {
    "contacts.v1": Channel(
        "the conversation, else `source:id` of what began the thread (the first of `replies_to`)",
        "What customers say, from channel systems. A record may also be a structured CloudEvent or bare JSON; "
        "`source` + `id` of the data is the identity, recognised for ever.",
        outsiders=True,
    ),
    "cases.v1": Channel("case_id", "The life of a case, decided by intake."),
    "customers.v1": Channel(
        "customer_id",
        "One view of each customer. Compacted; a record without a value: the customer is erased.",
    ),
    "agents.v1": Channel("agent_id", "Who can work and who is there. The newest `at` wins.", outsiders=True),
    "work.v1": Channel(
        "case_id", "What agents say they did. `id` is unique per agent and makes a repeat harmless.", outsiders=True
    ),
    "assignments.v1": Channel("case_id", "Who has the case, decided by routing."),
    "sla.v1": Channel("case_id", "The promises of a case on the clock, and what departments answered, decided by sla."),
    "escalations.{department}.v1": Channel(
        "case_id",
        "A department is called for help, decided by sla. Each department subscribes to its own topic and answers on "
        "`escalation-replies.v1`.",
        parameters={"department": DEPARTMENTS},
    ),
    "escalation-replies.v1": Channel(
        "case_id",
        "What departments answer. `id` is unique per department and makes a repeat harmless.",
        ours=False,
        outsiders=True,
    ),
    "incidents.v1": Channel("incident_id", "Many cases with one cause, decided by sla.", coming=True),
    "feedback.v1": Channel(
        "case_id; of knowledge.* knowledge_id", "Surveys, improvements and approved knowledge, decided by feedback."
    ),
    "notifications.v1": Channel("case_id", "What became of each message to a person, told by notify."),
}

_HEADERS: Mapping[str, tuple[str, str]] = {
    "ce_specversion": ("^1\\.0$", "CloudEvents version"),
    "ce_id": ("^.+$", "UUIDv5 of topic, subject and sequence; the same at every delivery, drop what repeats it"),
    "ce_source": ("^.+$", "/switchboard/<service>"),
    "ce_type": ("^.+$", "the message's name"),
    "ce_subject": ("^.*$", "the record's key"),
    "ce_time": ("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z$", "when it was decided, UTC, milliseconds"),
    "ce_dataschema": ("^/schemas/.+\\.json$", "the schema of the data"),
    "ce_sequence": ("^[1-9][0-9]*$", "from 1, gap-free per topic and subject"),
    "ce_after": (
        "^[^=;]+=[0-9]+(;[^=;]+=[0-9]+)*$",
        "by topic, the last sequence of the same subject that the decision had seen; absent if none",
    ),
    "content-type": ("^application/json$", "the value is the data"),
    "traceparent": ("^.+$", "W3C trace context, where the cause was traced"),
}
_SOMETIMES = frozenset({"ce_after", "traceparent"})
_NOT_INBOUND = frozenset({"ce_sequence", "ce_after"})


def models() -> dict[str, type[EventData]]:
    """Every event type on the wire and the model of its data."""
    found = {type_: model for module in _modules() for model in _event_models(module) for type_ in wire_types(model)}
    return dict(sorted(found.items()))


def wire_types(model: type[EventData]) -> list[str]:
    """The names a model's data travels under: one, but for outsiders' words, where each verb is a type of its own."""
    return list(model.TYPES) or [model.TYPE]


def _modules() -> Iterator[Any]:
    for module in pkgutil.iter_modules(shared.events.__path__, f"{shared.events.__name__}."):
        yield importlib.import_module(module.name)


def _event_models(module: Any) -> Iterator[type[EventData]]:
    for model in vars(module).values():
        if isinstance(model, type) and issubclass(model, EventData) and "TYPE" in vars(model):
            yield model


def schema(type_: str, model: type[EventData]) -> dict[str, Any]:
    """The JSON Schema of one event type's data, as its readers check it."""
    drawn = _tidy(model.model_json_schema(mode="validation"))
    named = {"$schema": DIALECT, "$id": f"/{SCHEMAS}/{type_}.json", "title": type_, "x-topic": model.TOPIC}
    return named | {key: value for key, value in drawn.items() if key not in named}


def _tidy(node: Any) -> Any:
    """Without the titles that repeat a field's name; a nullable field carries its personal mark itself."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidy = {key: _tidy(value) for key, value in node.items() if key != "title" or isinstance(value, dict)}
    choices = tidy.get("anyOf", [])
    if any(isinstance(choice, dict) and choice.pop("x-personal", False) for choice in choices):
        tidy["x-personal"] = True
    return tidy


def personal_fields(model: type[BaseModel]) -> list[str]:
    """Where personal data lies: `customer.phone`, `phones[]` for a list's items, `facts.*` for any value of a map."""
    return [path for path, field in fields(_tidy(model.model_json_schema())).items() if field.personal]


def documents() -> dict[str, str]:
    """Everything that is published: text by path. The same models give the same text."""
    files = {f"{SCHEMAS}/{type_}.json": _json(schema(type_, model)) for type_, model in models().items()}
    return files | {ASYNCAPI: yaml.safe_dump(asyncapi(), sort_keys=False, allow_unicode=True, width=120)}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def asyncapi() -> dict[str, Any]:
    """The topics with their keys, headers and messages, as AsyncAPI 3.0."""
    by_topic: dict[str, list[str]] = {}
    for type_, model in models().items():
        by_topic.setdefault(model.TOPIC, []).append(type_)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Switchboard",
            "version": "1.0.0",
            "description": "Events in CloudEvents binary mode over Kafka. Delivery is at least once, in order per "
            "topic and key; a contract only grows: ignore fields and types that are not known.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic, types) for topic, types in sorted(by_topic.items())},
        "operations": dict(_operations(sorted(by_topic))),
        "components": {
            "messages": {type_: _message(type_, model) for type_, model in models().items()},
            "schemas": {"Headers": _headers(inbound=False), "InboundHeaders": _headers(inbound=True)},
        },
    }


def _channel(topic: str, types: list[str]) -> dict[str, Any]:
    known = CHANNELS[topic]
    spec = next(spec for spec in specs() if spec.name in known.topics(topic))
    configuration = {
        "cleanup.policy": [spec.config["cleanup.policy"]],
        "retention.ms": int(spec.config["retention.ms"]),
    }
    return {
        "address": topic,
        **(
            {"parameters": {name: {"enum": list(values)} for name, values in known.parameters.items()}}
            if known.parameters
            else {}
        ),
        "description": known.about,
        "messages": {type_: {"$ref": f"#/components/messages/{type_}"} for type_ in types},
        "bindings": {
            "kafka": {"partitions": spec.partitions, "topicConfiguration": configuration, "bindingVersion": "0.5.0"}
        },
    }


def _operations(topics: list[str]) -> Iterator[tuple[str, Any]]:
    for topic in topics:
        channel = {"$ref": f"#/channels/{topic}"}
        if CHANNELS[topic].outsiders:
            yield f"take.{topic}", {"action": "receive", "channel": channel, "summary": "Outsiders write, we read."}
        if CHANNELS[topic].ours:
            yield f"give.{topic}", {"action": "send", "channel": channel, "summary": "We write; read what you need."}


def _message(type_: str, model: type[EventData]) -> dict[str, Any]:
    channel = CHANNELS[model.TOPIC]
    said = {"summary": " ".join(model.__doc__.split())} if model.__doc__ else {}
    headers = "InboundHeaders" if channel.outsiders else "Headers"
    return {
        "name": type_,
        **said,
        "contentType": "application/json",
        "headers": {"$ref": f"#/components/schemas/{headers}"},
        "payload": {"schemaFormat": FORMAT, "schema": {"$ref": f"./{SCHEMAS}/{type_}.json"}},
        "bindings": {
            "kafka": {"key": {"type": "string", "description": channel.key}, "bindingVersion": "0.5.0"},
        },
    }


def _headers(*, inbound: bool) -> dict[str, Any]:
    """What stands on our records; an outsider may send any of it, or nothing."""
    shown = {name: said for name, said in _HEADERS.items() if not (inbound and name in _NOT_INBOUND)}
    properties = {
        name: {"type": "string", "description": about, **({} if inbound else {"pattern": pattern})}
        for name, (pattern, about) in shown.items()
    }
    required = [] if inbound else [name for name in shown if name not in _SOMETIMES]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def export(directory: Path) -> list[Path]:
    """Write the contracts; raises Incompatible, and writes nothing, where that would break what is published there."""
    if problems := _broken(directory):
        raise Incompatible(problems)
    written = []
    for name, text in documents().items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        written.append(file)
    return written


def check(directory: Path) -> list[str]:
    """Problems, a line each: what breaks the published contracts, and which published files are not today's."""
    if not (directory / SCHEMAS).is_dir():
        return [f"{directory}: no contracts are published here: run `switchboard contracts export {directory}`"]
    return _broken(directory) + _stale(directory)


def _broken(directory: Path) -> list[str]:
    today = models()
    problems = []
    for file in sorted((directory / SCHEMAS).glob("*.json")):
        published = json.loads(file.read_text())
        if file.stem not in today:
            problems.append(f"{file.stem}: this type is published and may not be removed")
        else:
            lines = breaks(published, schema(file.stem, today[file.stem]))
            problems += [f"{file.stem}: {line}" for line in lines]
    return problems


def _stale(directory: Path) -> list[str]:
    return [
        f"{directory / name}: is not what the models say: run `switchboard contracts export {directory}`"
        for name, text in documents().items()
        if not (directory / name).is_file() or (directory / name).read_text() != text
    ]
