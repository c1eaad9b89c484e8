"""The topics with partitions, retention and compaction, as the services expect them (topics.yaml)."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

MOST_COPIES = 3
FILE = Path(__file__).with_name("topics.yaml")


@dataclass(frozen=True, slots=True)
class TopicSpec:
    name: str
    partitions: int
    config: dict[str, str]


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


async def missing(bootstrap: str, **security: object) -> list[str]:
    """Problems, one line each: topics that are not there or have another number of partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, **security)
    await admin.start()
    try:
        described = {t["topic"]: t for t in await admin.describe_topics() if t["error_code"] == 0}
    finally:
        await admin.close()
    problems = []
    for spec in specs():
        if spec.name not in described:
            problems.append(f"topic {spec.name} is missing: run `switchboard topics create`")
        elif (have := len(described[spec.name]["partitions"])) != spec.partitions:
            problems.append(f"topic {spec.name} has {have} partitions, {spec.partitions} are expected")
    return problems


async def ensure(bootstrap: str, **security: object) -> list[str]:
    """Create what is missing and return its names; never changes a topic that is there."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, **security)
    await admin.start()
    try:
        there = set(await admin.list_topics())
        copies = min(MOST_COPIES, len((await admin.describe_cluster())["brokers"]))
        wanted = [
            NewTopic(s.name, s.partitions, copies, topic_configs=s.config) for s in specs() if s.name not in there
        ]
        if wanted:
            answer = await admin.create_topics(wanted)
            for name, code, message in answer.topic_errors:
                if code and for_code(code) is not TopicAlreadyExistsError:
                    raise for_code(code)(f"topic {name}: {message}")
        return [topic.name for topic in wanted]
    finally:
        await admin.close()


__all__ = ["TopicSpec", "ensure", "missing", "specs"]
