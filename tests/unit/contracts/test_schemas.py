"""What is published is what travels: schemas, AsyncAPI document, personal marks."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from shared.document import Entry
from shared.events.agents import AgentUpdated
from shared.events.cases import CaseOpened
from shared.events.compatibility import fields
from shared.events.contacts import Contact
from shared.events.customers import CustomerUpdated
from shared.events.escalations import EscalationRaised, EscalationReply
from shared.events.schemas import CHANNELS, Incompatible, check, export, models, personal_fields, schema
from shared.events.sla import EscalationAnswered
from shared.events.work import INTAKE_VERBS, ROUTING_VERBS, Work
from shared.ids import event_id
from shared.outbox import headers
from shared.topics import specs

ROOT = Path(__file__).parents[3]
INTERNAL = {"routing.wakeups.v1"}


def published(directory: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((directory / "asyncapi.yaml").read_text())
    return document


def edit(file: Path, change: Any) -> None:
    body = json.loads(file.read_text())
    change(body)
    file.write_text(json.dumps(body, ensure_ascii=False, indent=2) + "\n")


def test_the_committed_contracts_are_those_of_the_models() -> None:
    assert check(ROOT / "docs" / "contracts") == []


def test_every_event_type_has_a_schema_under_its_own_name(tmp_path: Path) -> None:
    written = export(tmp_path)

    assert {file.stem for file in written if file.suffix == ".json"} == set(models())
    for file in (tmp_path / "schemas").iterdir():
        assert json.loads(file.read_text())["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_verb_of_work_is_a_type_of_its_own() -> None:
    assert {type_ for type_, model in models().items() if model is Work} == {
        f"work.{verb}" for verb in ROUTING_VERBS | INTAKE_VERBS
    }


def test_exporting_twice_writes_the_same_bytes(tmp_path: Path) -> None:
    first = {file.name: file.read_bytes() for file in export(tmp_path / "a")}
    second = {file.name: file.read_bytes() for file in export(tmp_path / "b")}

    assert first == second


def test_the_document_names_every_topic_that_others_may_use(tmp_path: Path) -> None:
    export(tmp_path)

    wanted = {spec.name for spec in specs() if not spec.name.endswith(".dlq")} - INTERNAL
    assert set(published(tmp_path)["channels"]) == set(CHANNELS)
    assert {topic for name, channel in CHANNELS.items() for topic in channel.topics(name)} == wanted


def test_every_reference_of_the_document_leads_somewhere(tmp_path: Path) -> None:
    export(tmp_path)
    document = published(tmp_path)

    def references(node: Any) -> list[str]:
        if isinstance(node, list):
            return [found for item in node for found in references(item)]
        if not isinstance(node, dict):
            return []
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for item in node.values() for found in references(item)]

    def leads_somewhere(reference: str) -> bool:
        if reference.startswith("./"):
            return (tmp_path / reference).is_file()
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node.get(step, {})
        return bool(node)

    found = references(document)
    assert len(found) > 3 * len(models())
    assert [reference for reference in found if not leads_somewhere(reference)] == []


@pytest.mark.parametrize("sequence", [1, None])
def test_the_headers_described_are_those_on_a_record(tmp_path: Path, sequence: int | None) -> None:
    export(tmp_path)
    inbound = sequence is None
    entry = Entry(
        topic="contacts.v1" if inbound else "cases.v1",
        type="case.opened",
        key="c1",
        subject="c1",
        id=event_id("cases.v1", "c1", 1),
        time=datetime(2026, 11, 22, 8, tzinfo=UTC),
        value=b"{}",
        sequence=sequence,
        after="" if inbound else "assignments.v1=2;work.v1=3",
        trace="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    described = published(tmp_path)["components"]["schemas"]["InboundHeaders" if inbound else "Headers"]
    sent = {name: value.decode() for name, value in headers(entry, "intake")}

    assert set(sent) == set(described["properties"])
    for name, value in sent.items():
        assert re.search(described["properties"][name].get("pattern", ""), value), name


def test_headers_that_may_be_absent_are_not_required(tmp_path: Path) -> None:
    export(tmp_path)
    entry = Entry("cases.v1", "case.opened", "c1", "c1", "x", datetime(2026, 11, 22, tzinfo=UTC), b"{}", sequence=1)
    required = published(tmp_path)["components"]["schemas"]["Headers"]["required"]

    assert set(required) == {name for name, _ in headers(entry, "intake")}


CONTACT_POINTS = ["customer.name", "customer.phone", "customer.email", "customer.app_id", "customer.social"]


def test_PF_1_whatever_names_a_customer_or_holds_his_words_is_marked_personal() -> None:
    assert set(personal_fields(Contact)) >= {*CONTACT_POINTS, "subject", "text", "facts.account", "voice"}
    reach = {point.replace("customer.", "customer.reach.") for point in CONTACT_POINTS}
    assert set(personal_fields(CaseOpened)) >= {*reach, "subject", "text", "summary", "facts.*"}
    points = ["phones[]", "emails[]", "app_ids[]", "socials[]"]
    assert personal_fields(CustomerUpdated) == ["name", *points, "entitlements[].of"]


PERSONAL_NAMES = {
    "name", "phone", "phones[]", "email", "emails[]", "app_id", "app_ids[]", "social", "socials[]", "text", "subject",
    "summary", "agent_name", "account", "resolution",
}  # fmt: skip


NAMES_NOBODY = {"knowledge.approved": {"options[].name"}, "customer.updated": {"entitlements[].name"}}
"""What has such a name and tells of no person: what a way to solve something, or a right to something, is called."""


@pytest.mark.parametrize("type_", sorted(models()))
def test_PF_1_no_event_holds_a_name_a_contact_point_or_free_text_unmarked(type_: str) -> None:
    model = models()[type_]
    marked = set(personal_fields(model))
    unmarked = {path for path in fields(schema(type_, model)) if path.rpartition(".")[2] in PERSONAL_NAMES}

    assert unmarked - marked == NAMES_NOBODY.get(type_, set())


def test_PF_1_who_answered_for_a_department_and_who_is_responsible_there_is_marked_personal() -> None:
    assert {"by", "text", "responsible"} <= set(personal_fields(EscalationReply))
    assert {"by", "text", "responsible"} <= set(personal_fields(EscalationAnswered))
    assert {"history[].by", "history[].text"} <= set(personal_fields(EscalationRaised))


def test_an_agent_has_a_name_but_his_skills_are_not_personal() -> None:
    assert personal_fields(AgentUpdated) == ["name"]


def test_a_directory_without_contracts_says_how_to_make_them(tmp_path: Path) -> None:
    assert check(tmp_path) == [
        f"{tmp_path}: no contracts are published here: run `switchboard contracts export {tmp_path}`"
    ]


def test_a_stale_file_is_named(tmp_path: Path) -> None:
    export(tmp_path)
    (tmp_path / "asyncapi.yaml").write_text("asyncapi: 3.0.0\n")
    (tmp_path / "schemas" / "case.noted.json").unlink()

    remedy = f"is not what the models say: run `switchboard contracts export {tmp_path}`"
    assert check(tmp_path) == [
        f"{tmp_path}/schemas/case.noted.json: {remedy}",
        f"{tmp_path}/asyncapi.yaml: {remedy}",
    ]


def test_a_published_field_that_the_models_lack_is_an_error_and_not_overwritten(tmp_path: Path) -> None:
    export(tmp_path)
    file = tmp_path / "schemas" / "case.opened.json"
    edit(file, lambda body: body["properties"].update(mood={"type": "string"}))
    before = file.read_bytes()

    assert check(tmp_path)[0] == "case.opened: mood was removed or renamed; a published field stays"
    with pytest.raises(Incompatible, match=r"case\.opened: mood was removed"):
        export(tmp_path)
    assert file.read_bytes() == before


def test_a_published_type_that_the_models_lack_is_an_error(tmp_path: Path) -> None:
    export(tmp_path)
    (tmp_path / "schemas" / "case.noted.json").rename(tmp_path / "schemas" / "case.frozen.json")

    assert check(tmp_path)[0] == "case.frozen: this type is published and may not be removed"


def test_a_grown_contract_is_only_stale(tmp_path: Path) -> None:
    export(tmp_path)
    edit(tmp_path / "schemas" / "case.opened.json", lambda body: body["properties"].pop("tags"))

    assert [line.partition(":")[0] for line in check(tmp_path)] == [f"{tmp_path}/schemas/case.opened.json"]
    export(tmp_path)
    assert check(tmp_path) == []


def test_a_reader_of_the_schema_and_the_model_agree_on_what_is_required() -> None:
    needed = set(schema("case.opened", CaseOpened)["required"])

    with pytest.raises(ValidationError) as missing:
        CaseOpened.model_validate({})
    assert {str(fault["loc"][0]) for fault in missing.value.errors()} == needed
