"""PF-4: rules are files that are validated before they are used."""

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from shared import rules
from shared.rules import Rules, RulesError, load

SERVICE = "tally"
GOOD = "version: '1'\nlimits:\n  - name: low\n    most: 3\n  - name: high\n    most: 9\n"


class Limit(BaseModel):
    name: str
    most: int

    @field_validator("most")
    @classmethod
    def not_negative(cls, value: int) -> int:
        if value < 0:
            raise ValueError("must not be negative")
        return value


class Limits(BaseModel):
    version: str
    limits: tuple[Limit, ...]


class Parsed(BaseModel):
    limits: Limits

    @classmethod
    def parse(cls, documents: dict[str, Any]) -> "Parsed":
        return cls.model_validate(documents)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / SERVICE).mkdir()
    write(tmp_path, GOOD)
    return tmp_path


def write(directory: Path, text: str | bytes, name: str = "limits") -> Path:
    file = directory / SERVICE / f"{name}.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    changed = file.stat().st_mtime_ns + 1_000_000
    os.utime(file, ns=(changed, changed))
    return file


def faults(directory: Path) -> list[str]:
    with pytest.raises(RulesError) as told:
        load(SERVICE, Parsed.parse, directory)
    return told.value.problems


def test_good_files_become_rules(directory: Path) -> None:
    assert [limit.most for limit in load(SERVICE, Parsed.parse, directory).limits.limits] == [3, 9]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (GOOD.replace("most: 9", "most: many"), "6: limits.1.most: "),
        (GOOD.replace("most: 9", "most: -9"), "6: limits.1.most: must not be negative"),
        (GOOD.replace("    most: 3\n", ""), "3: limits.0.most: Field required"),
        (GOOD.replace("version: '1'\n", ""), "1: version: Field required"),
        ("limits: [\n", "2: "),
        ("a: 1\n  b: 2\n", "2: mapping values are not allowed here"),
        ("", "1: limits: "),
        ("- 1\n", "1: limits: "),
        (b"a: \xff\n", "1: "),
        (GOOD + "version: '2'\n", "7: version is there twice"),
        (GOOD.replace("    most: 3\n", "    most: 3\n    most: 4\n"), "5: most is there twice"),
    ],
)
def test_a_fault_is_told_with_file_and_line(directory: Path, text: str | bytes, where: str) -> None:
    file = write(directory, text)
    assert faults(directory)[0].startswith(f"{file}:{where}")


def test_a_key_may_stand_in_what_is_merged_and_beside_it(directory: Path) -> None:
    merged = "version: '1'\nlimits:\n  - &low\n    name: low\n    most: 3\n  - {<<: *low, most: 9}\n"
    write(directory, merged)
    assert [limit.most for limit in load(SERVICE, Parsed.parse, directory).limits.limits] == [3, 9]


def test_every_fault_is_told_at_once(directory: Path) -> None:
    write(directory, GOOD.replace("most: 3", "most: a").replace("most: 9", "most: b"))
    assert [problem.split(":")[1] for problem in faults(directory)] == ["4", "6"]


def test_a_missing_file_is_named(directory: Path) -> None:
    (directory / SERVICE / "limits.yaml").unlink()
    assert faults(directory) == ["limits: Field required"]


def test_a_changed_file_counts_at_the_next_look(directory: Path) -> None:
    live = Rules(SERVICE, Parsed.parse, directory)
    write(directory, GOOD.replace("most: 9", "most: 10"))
    live.refresh()
    assert live().limits.limits[1].most == 10


def test_a_changed_file_with_a_fault_is_refused_and_the_last_good_rules_stay(directory: Path) -> None:
    live = Rules(SERVICE, Parsed.parse, directory)
    write(directory, "limits: [")
    live.refresh()
    assert live().limits.limits[1].most == 9
    assert live.refused
    write(directory, GOOD.replace("most: 9", "most: 11"))
    live.refresh()
    assert (live().limits.limits[1].most, live.refused) == (11, ())


def test_files_that_did_not_change_are_not_read_again(directory: Path) -> None:
    read = []

    def parse(documents: dict[str, Any]) -> Parsed:
        read.append(1)
        return Parsed.parse(documents)

    live = Rules(SERVICE, parse, directory)
    live.refresh()
    live.refresh()
    assert len(read) == 1


def test_rules_that_are_wrong_at_the_start_stop_it(directory: Path) -> None:
    write(directory, "limits: [")
    with pytest.raises(RulesError):
        Rules(SERVICE, Parsed.parse, directory)


def test_a_file_of_the_operator_replaces_the_shipped_one_of_that_name(tmp_path: Path) -> None:
    service = next(path.parent.name for path in sorted(rules.SERVICES.glob("*/rules")) if list(path.glob("*.yaml")))
    shipped = rules.files(service, None)
    name = next(iter(shipped))
    (tmp_path / service).mkdir()
    (tmp_path / service / f"{name}.yaml").write_text("version: mine\n")
    found = rules.files(service, tmp_path)
    assert found.keys() == shipped.keys()
    assert found[name] == tmp_path / service / f"{name}.yaml"


def test_a_directory_for_nobody_and_a_file_that_nobody_reads_are_told(tmp_path: Path) -> None:
    service = sorted(path.parent.name for path in rules.SERVICES.glob("*/rules"))[0]
    (tmp_path / "nobody").mkdir()
    (tmp_path / service).mkdir()
    (tmp_path / service / "no_such.yaml").write_text("version: '1'\n")
    told = rules.check(tmp_path)
    assert any("no service is called nobody" in problem for problem in told)
    assert any(f"{service} reads no such file" in problem for problem in told)


def mounted(directory: Path, service: str, name: str, text: str) -> None:
    """As a cluster mounts a ConfigMap: versions under names with a dot, and links that lead to the newest."""
    versions = directory / service
    (versions / "..2026_11_22").mkdir(parents=True)
    (versions / "..2026_11_22" / name).write_text(text)
    (versions / "..data").symlink_to("..2026_11_22")
    (versions / name).symlink_to(f"..data/{name}")


def test_PF_4_rules_in_a_mounted_config_map_are_checked_and_its_hidden_names_are_not(tmp_path: Path) -> None:
    surveys = (rules.SERVICES / "feedback" / "rules" / "surveys.yaml").read_text()
    mounted(tmp_path, "feedback", "surveys.yaml", surveys)
    (tmp_path / "..data").mkdir()
    assert rules.check(tmp_path) == []


def test_PF_4_a_hidden_file_is_no_rule_file(directory: Path) -> None:
    (directory / SERVICE / ".limits.yaml").write_text("limits: [")
    assert list(rules.files(SERVICE, directory)) == ["limits"]
