"""What differs between the topics that are there and those that are expected."""

from pathlib import Path

import pytest

from shared.topics import Found, TopicSpec, differs, specs

SPEC = TopicSpec("cases.v1", 12, {"retention.ms": "1209600000", "cleanup.policy": "delete"})
CONFIGS = "kafka-configs.sh --bootstrap-server b:9092 --alter --entity-type topics --entity-name cases.v1 --add-config"


def found(partitions: int = 12, copies: int = 3, **config: str) -> Found:
    safe = SPEC.config | {"min.insync.replicas": "2"}
    return Found(partitions, copies, safe | {name.replace("_", "."): value for name, value in config.items()})


def told(there: Found | None, copies: int = 3) -> list[tuple[str, str]]:
    return [(one.said, one.mend) for one in differs(SPEC, there, copies, "b:9092")]


def test_a_topic_that_is_as_expected_differs_in_nothing() -> None:
    assert told(found()) == []
    assert told(found(copies=5)) == []


def test_a_missing_topic_is_created() -> None:
    assert told(None) == [("is missing", "switchboard topics create")]


@pytest.mark.parametrize(
    ("config", "said", "mend"),
    [
        ({"retention_ms": "1000"}, "has retention.ms=1000, 1209600000 is expected", "retention.ms=1209600000"),
        (
            {"min_insync_replicas": "1"},
            "has min.insync.replicas=1, 2 is expected",
            "min.insync.replicas=2",
        ),
        ({"cleanup_policy": "compact"}, "has cleanup.policy=compact, delete is expected", "cleanup.policy=delete"),
    ],
)
def test_other_retention_or_compaction_is_told_with_the_command_that_mends_it(
    config: dict[str, str], said: str, mend: str
) -> None:
    assert told(found(**config)) == [(said, f"{CONFIGS} {mend}")]


def test_too_few_replicas_are_told_and_one_broker_needs_no_more_than_one() -> None:
    ((said, mend),) = told(found(copies=2))
    assert said == "has a partition with 2 replicas, at least 3 are expected"
    assert mend.startswith("kafka-reassign-partitions.sh --bootstrap-server b:9092")

    assert told(found(copies=1), copies=1) == []


@pytest.mark.parametrize(("partitions", "mend"), [(6, "--alter --partitions 12"), (24, "--delete; then switchboard")])
def test_another_number_of_partitions_is_mended_only_while_the_topic_is_empty(partitions: int, mend: str) -> None:
    ((said, do),) = told(found(partitions=partitions))

    assert said == f"has {partitions} partitions, 12 are expected"
    assert do.startswith("while it is empty: kafka-topics.sh --bootstrap-server b:9092 --topic cases.v1")
    assert mend in do


def test_each_topic_has_a_place_for_what_could_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text("defaults: {partitions: 12, retention.ms: 7}\ntopics: {a.v1: {cleanup.policy: compact}}\n")

    assert specs(file) == [
        TopicSpec("a.v1", 12, {"retention.ms": "7", "cleanup.policy": "compact"}),
        TopicSpec("a.v1.dlq", 1, {"retention.ms": "7"}),
    ]
