"""The topics with partitions, retention and compaction, as the services expect them (topics.yaml)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

MOST_COPIES = 3
FILE = Path(__file__).with_name("topics.yaml")


@dataclass(frozen=True, slots=True)
class TopicSpec:
    name: str
    partitions: int
    config: dict[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as the broker has it. `copies`: of the partition that has the fewest."""

    partitions: int
    copies: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which a topic is not as expected. `mend`: the command that makes it so."""

    topic: str
    said: str
    mend: str


def specs(file: Path = FILE) -> list[TopicSpec]:
    """Every topic that should be there; each outsiders' or own topic that is read has a `.dlq` beside it."""
    raw = yaml.safe_load(file.read_text())
    made = []
    for name, more in raw["topics"].items():
        settings = {**raw["defaults"], **(more or {})}
        partitions = int(settings.pop("partitions"))
        made.append(TopicSpec(name, partitions, {k: str(v) for k, v in settings.items()}))
        made.append(TopicSpec(f"{name}.dlq", 1, {"retention.ms": str(raw["defaults"]["retention.ms"])}))
    return made


def differs(spec: TopicSpec, found: Found | None, copies: int, bootstrap: str) -> list[Difference]:
    """How a topic differs from what is expected of it; with at least `copies` replicas of each partition."""
    if found is None:
        return [Difference(spec.name, "is missing", "switchboard topics create")]
    there = f"--bootstrap-server {bootstrap}"
    differences = []
    if found.partitions != spec.partitions:
        differences.append(_other_partitions(spec, found, there))
    if found.copies < copies:
        said = f"has a partition with {found.copies} replicas, at least {copies} are expected"
        mend = f"kafka-reassign-partitions.sh {there} --reassignment-json-file FILE --execute"
        differences.append(Difference(spec.name, said, mend))
    for key, value in {**spec.config, **survives(copies)}.items():
        if (have := found.config.get(key)) != value:
            alter = f"kafka-configs.sh {there} --alter --entity-type topics --entity-name {spec.name}"
            mend = f"{alter} --add-config {key}={value}"
            differences.append(Difference(spec.name, f"has {key}={have}, {value} is expected", mend))
    return differences


def survives(copies: int) -> dict[str, str]:
    """What is acknowledged is on two brokers, wherever there are three: one may be lost without a record."""
    return {"min.insync.replicas": "2"} if copies >= MOST_COPIES else {}


def _other_partitions(spec: TopicSpec, found: Found, there: str) -> Difference:
    """More can be added while the topic is empty: afterwards keys would move. Fewer needs a new topic."""
    said = f"has {found.partitions} partitions, {spec.partitions} are expected"
    topic = f"kafka-topics.sh {there} --topic {spec.name}"
    if found.partitions < spec.partitions:
        return Difference(spec.name, said, f"while it is empty: {topic} --alter --partitions {spec.partitions}")
    return Difference(spec.name, said, f"while it is empty: {topic} --delete; then switchboard topics create")


async def missing(bootstrap: str, **security: object) -> list[str]:
    """Problems that a service can't work with, one line each: topics not there or with another number of partitions."""
    async with _admin(bootstrap, security) as admin:
        partitions = {name: len(topic["partitions"]) for name, topic in (await _described(admin)).items()}
    problems = []
    for spec in specs():
        if spec.name not in partitions:
            problems.append(f"topic {spec.name} is missing: run `switchboard topics create`")
        elif (have := partitions[spec.name]) != spec.partitions:
            problems.append(f"topic {spec.name} has {have} partitions, {spec.partitions} are expected")
    return problems


async def differences(
    bootstrap: str, wanted: Sequence[TopicSpec] | None = None, **security: object
) -> list[Difference]:
    """All differences between the broker's topics and what is expected (`wanted`: topics.yaml)."""
    wanted = specs() if wanted is None else wanted
    async with _admin(bootstrap, security) as admin:
        described = await _described(admin)
        configs = await _configs(admin, [spec.name for spec in wanted if spec.name in described])
        copies = await _most_copies(admin)
    found = {name: _found(described[name], config) for name, config in configs.items()}
    return [one for spec in wanted for one in differs(spec, found.get(spec.name), copies, bootstrap)]


async def ensure(bootstrap: str, wanted: Sequence[TopicSpec] | None = None, **security: object) -> list[str]:
    """Create what is missing and return its names; never changes a topic that is there."""
    wanted = specs() if wanted is None else wanted
    async with _admin(bootstrap, security) as admin:
        there = set(await admin.list_topics())
        copies = await _most_copies(admin)
        new = [
            NewTopic(s.name, s.partitions, copies, topic_configs={**s.config, **survives(copies)})
            for s in wanted
            if s.name not in there
        ]
        if new:
            answer = await admin.create_topics(new)
            for name, code, message in answer.topic_errors:
                if code and for_code(code) is not TopicAlreadyExistsError:
                    raise for_code(code)(f"topic {name}: {message}")
        return [topic.name for topic in new]


@asynccontextmanager
async def _admin(bootstrap: str, security: Mapping[str, Any]) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, **security)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def _described(admin: AIOKafkaAdminClient) -> dict[str, Any]:
    return {topic["topic"]: topic for topic in await admin.describe_topics() if topic["error_code"] == 0}


async def _most_copies(admin: AIOKafkaAdminClient) -> int:
    return min(MOST_COPIES, len((await admin.describe_cluster())["brokers"]))


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """By topic, every setting and its value."""
    if not names:
        return {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    configs = {}
    for answer in await admin.describe_configs(asked):
        for code, message, _, name, entries, *_ in answer.resources:
            if code:
                raise for_code(code)(f"topic {name}: {message}")
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return configs


def _found(described: Mapping[str, Any], config: Mapping[str, str]) -> Found:
    partitions = described["partitions"]
    return Found(len(partitions), min(len(partition["replicas"]) for partition in partitions), config)


__all__ = ["Difference", "Found", "TopicSpec", "differences", "differs", "ensure", "missing", "specs"]
